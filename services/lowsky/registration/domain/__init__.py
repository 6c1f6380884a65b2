"""Operators and aircraft, independent of transport and storage."""
