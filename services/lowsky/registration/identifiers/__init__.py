"""Identifiers of operators and aircraft, by scheme: their patterns, checks and what is stored of them."""
