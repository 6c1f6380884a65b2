"""Generated from protos/lowsky/api/events/v1."""
