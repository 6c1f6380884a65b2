"""Consumers of the events of flight plans: each event calls a use case."""
