"""Authorities: created and changed."""
