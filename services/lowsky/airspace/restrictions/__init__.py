"""Temporary restrictions: created and lifted by officers, removed when they expire."""
