"""What becomes of an aircraft that exists: updated, retired."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from lowsky.db.database import Connection
from lowsky.registration.domain.aircraft import Aircraft
from lowsky.registration.postgres import AircraftStore

Move = Callable[[Aircraft, datetime], None]
"""A change of one aircraft, at a moment."""


async def move(connection: Connection, name: str, etag: str, make: Move, now: datetime) -> Aircraft:
    """Locks the aircraft, compares the etag, makes the move, saves and announces it.

    Raises:
        NotFound, StaleEtag, IllegalMove
        AlreadyExists: A new identifier is another active aircraft's.
    """
    store = AircraftStore(connection)
    aircraft = await store.get(name, lock=True)
    aircraft.expect(etag)
    make(aircraft, now)
    await store.save(aircraft)
    return aircraft
