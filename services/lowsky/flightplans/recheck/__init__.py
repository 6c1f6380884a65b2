"""Checks stored plans again after the airspace has changed."""
