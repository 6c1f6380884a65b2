"""Checks a flight against the zones in force, without a plan."""
