"""Generated from protos/lowsky/api/errors."""
