"""Approvals: who decides on a plan, by when, and what they said."""
