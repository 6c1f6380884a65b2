"""The domain as messages, and back: for the wire, for events and for storage."""
