"""Events that a consumer could not apply, kept for an operator to look at and replay."""
