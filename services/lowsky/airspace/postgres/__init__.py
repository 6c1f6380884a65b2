"""Authorities, datasets and geozones in PostgreSQL; events are written to the outbox in the same transaction."""
