"""Operators and aircraft as they are, whatever carries or keeps them."""
