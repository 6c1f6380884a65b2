"""Operators and aircraft in PostgreSQL; their events are appended to the outbox in the same transaction."""

from lowsky.registration.postgres.aircraft import AircraftStore
from lowsky.registration.postgres.operators import OperatorStore

__all__ = ["AircraftStore", "OperatorStore"]
