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
    """What an operator says of an aircraft."""

    operator: str
    """``operators/x``, which flies it."""
    id: str
    """The last part of the name that is wished for; empty: any."""
    identifiers: tuple[Identifier, ...]
    """By scheme."""
    profile: AircraftProfile


async def register(connection: Connection, registration: Registration, now: datetime) -> Aircraft:
    """The new aircraft, stored and announced.

    Raises:
        NotFound: There is no such operator.
        Precondition: The operator is deregistered.
        AlreadyExists: The name is taken, or one of the identifiers by another active aircraft.
    """
    # Shared, so that aircraft are registered side by side, but not beside the operator's deregistration.
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
