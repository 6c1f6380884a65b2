"""Temporary restrictions: drawn and lifted by officers, removed when their time is over."""
