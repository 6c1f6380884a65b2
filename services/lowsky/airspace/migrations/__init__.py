"""Numbered SQL, one purpose each."""
