"""Cases and decisions, and nothing about how they travel or where they are kept."""
