"""Generated from protos/lowsky/api/registration."""
