"""Generated from protos/lowsky/api/errors/v1."""
