"""Projections of other services' events in memory: operators, zones and areas."""
