"""Generated from protos/lowsky/api/airspace/v1."""
