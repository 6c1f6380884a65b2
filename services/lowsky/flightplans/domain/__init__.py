"""A plan, its states and its findings, whatever carries or keeps them."""
