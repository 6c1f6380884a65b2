"""Events that a consumer could not apply, kept for an operator to inspect and replay."""
