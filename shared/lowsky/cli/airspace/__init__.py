"""`lowsky zones` and `lowsky authorities`."""
