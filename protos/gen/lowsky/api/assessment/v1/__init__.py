"""Generated from protos/lowsky/api/assessment/v1."""
