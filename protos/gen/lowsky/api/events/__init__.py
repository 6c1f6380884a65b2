"""Generated from protos/lowsky/api/events."""
