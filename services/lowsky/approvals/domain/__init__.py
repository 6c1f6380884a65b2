"""Cases and decisions, independent of transport and storage."""
