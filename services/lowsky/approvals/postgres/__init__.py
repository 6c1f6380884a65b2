"""Cases in PostgreSQL."""
