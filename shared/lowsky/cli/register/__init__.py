"""`lowsky operators`, `lowsky aircraft` and `lowsky identifiers`."""
