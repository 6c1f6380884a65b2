"""Generated from protos/lowsky/api/airspace."""
