"""Plans and reservations in PostgreSQL, and the locks under which decisions about them are made."""
