"""The geofence: converts a flight to volumes, compares them with the zones in force, and returns a finding for each.

Shared by flightplans, which decides by it, and airspace, which serves planning tools, so that both find the same.
"""
