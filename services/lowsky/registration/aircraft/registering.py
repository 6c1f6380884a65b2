"""An operator registers an aircraft."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lowsky.db.database import Connection
from lowsky.ids import new_id
from lowsky.registration.domain.aircraft import Aircraft, AircraftProfile
from lowsky.registration.identifiers.identifier import Identifier
from lowsky.registration.postgres import AircraftStore, OperatorStore


@dataclass(frozen=True, slots=True)
class Registration:
    """The data with which an operator registers an aircraft."""

    operator: str
    """``operators/x``, which flies it."""
    id: str
    """The requested last part of the name; empty: generated."""
    identifiers: tuple[Identifier, ...]
    """Ordered by scheme."""
    profile: AircraftProfile


async def register(connection: Connection, registration: Registration, now: datetime) -> Aircraft:
    """Stores a new aircraft and emits its event.

    Raises:
        NotFound: There is no such operator.
        Precondition: The operator is deregistered.
        AlreadyExists: The name is taken, or one of the identifiers belongs to another active aircraft.
    """
    # A shared lock, so that aircraft can be registered concurrently, but not while the operator is deregistered.
    operator = await OperatorStore(connection).get(registration.operator, lock="SHARE")
    operator.expect_registered()
    aircraft = Aircraft(
        name=f"{registration.operator}/aircraft/{registration.id or new_id()}",
        identifiers=registration.identifiers,
        profile=registration.profile,
        create_time=now,
        update_time=now,
    )
    await AircraftStore(connection).add(aircraft)
    return aircraft
