"""Plans and reservations in PostgreSQL, and the locks under which both are decided."""
