"""Generated from protos/lowsky/api/flightplans/v1."""
