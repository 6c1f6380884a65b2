"""Authorities, datasets and the names of geozones: pure."""
