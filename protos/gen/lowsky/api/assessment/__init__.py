"""Generated from protos/lowsky/api/assessment."""
