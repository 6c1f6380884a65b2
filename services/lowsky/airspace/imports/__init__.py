"""Replacing a dataset: what a file would change, and the transaction that changes it."""
