"""Consumers of other services' events: they update projections in memory, or plans."""
