"""Messages of lowsky.api as what the library computes with, and back."""
