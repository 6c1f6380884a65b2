"""Tables derived from elsewhere, and how they were derived."""
