"""Altitude bands, their datums, geoid and terrain, and whether two bands overlap."""
