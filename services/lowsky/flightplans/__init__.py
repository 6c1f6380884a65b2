"""Flight plans: the life cycle of a plan, from submission to the end of the flight."""
