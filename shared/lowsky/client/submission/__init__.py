"""Submits many plans on one stream, with a journal to resume after an interruption."""
