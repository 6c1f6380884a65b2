"""Approvals: which authorities decide on a plan, by when, and their decisions."""
