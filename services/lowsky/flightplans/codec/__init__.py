"""Plans as messages, as stored bytes and as events, and back."""
