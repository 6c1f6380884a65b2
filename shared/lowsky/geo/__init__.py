"""Geometry: the only place that knows axis order, vertical datums, projections and units.

Coordinates are longitude, latitude in degrees (WGS84), longitudes in [-180, 180]. Lengths are metres, instants are
seconds since the epoch. Altitudes always travel with their datum.
"""
