"""Aircraft: registered, changed and retired."""
