"""Generated from protos/lowsky/api/geo/v1."""
