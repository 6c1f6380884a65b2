"""Identifiers of operators and aircraft, by scheme: their patterns, their checks and their stored form."""
