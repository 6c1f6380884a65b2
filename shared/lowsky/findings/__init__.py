"""Findings: the results of checks of a flight."""
