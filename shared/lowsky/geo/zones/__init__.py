"""Geozones and the index that finds those a flight meets."""
