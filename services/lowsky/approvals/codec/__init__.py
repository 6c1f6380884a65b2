"""The domain as messages, and back: for the wire and for events."""
