"""Authorities, datasets and geozones in PostgreSQL; what happened goes to the outbox in the same transaction."""
