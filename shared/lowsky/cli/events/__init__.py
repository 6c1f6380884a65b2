"""`lowsky events`: follow topics, handle dead letters."""
