"""Changes of an existing aircraft: update, retirement."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from lowsky.db.database import Connection
from lowsky.registration.domain.aircraft import Aircraft
from lowsky.registration.postgres import AircraftStore

Move = Callable[[Aircraft, datetime], None]
"""A change of one aircraft, at a given time."""


async def move(connection: Connection, name: str, etag: str, make: Move, now: datetime) -> Aircraft:
    """Locks the aircraft, compares the etag, makes the change, saves it and emits its event.

    Raises:
        NotFound, StaleEtag, IllegalMove
        AlreadyExists: A new identifier belongs to another active aircraft.
    """
    store = AircraftStore(connection)
    aircraft = await store.get(name, lock=True)
    aircraft.expect(etag)
    make(aircraft, now)
    await store.save(aircraft)
    return aircraft
