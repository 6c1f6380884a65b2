"""Free airspace: alternatives to a plan, and the occupancy of a volume."""
