"""Generated from protos/lowsky/api/geo."""
