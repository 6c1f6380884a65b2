"""Tables that every service's schema has."""
