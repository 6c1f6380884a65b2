"""What this worker knows of operators, zones and areas: projections of other services' events, in memory."""
