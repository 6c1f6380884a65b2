"""PostgreSQL: one pool, one schema per service, numbered migrations, and answers kept by request id."""
