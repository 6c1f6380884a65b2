"""PostgreSQL: one pool, one schema per service, numbered migrations, and responses stored by request id."""
