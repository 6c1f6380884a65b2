"""The checks of a plan: pure functions, whose findings depend on their arguments alone."""
