"""Reservation of airspace: the conflict decision, under ordered locks."""
