"""Generated from protos/lowsky/api/registration/v1."""
