"""The checks of a plan, pure: what they are given decides what they find."""
