"""Conversion between plans and messages, stored bytes and events."""
