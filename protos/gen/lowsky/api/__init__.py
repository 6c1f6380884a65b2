"""Generated from protos/lowsky/api."""
