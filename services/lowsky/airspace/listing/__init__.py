"""The zones in force, page by page."""
