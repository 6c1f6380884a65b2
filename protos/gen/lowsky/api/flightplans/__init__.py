"""Generated from protos/lowsky/api/flightplans."""
