"""Plans checked again because the airspace changed."""
