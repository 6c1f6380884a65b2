"""Flight plans: the path of one plan, from submission to the end of the flight."""
