"""The administrator creates and changes authorities."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from lowsky.airspace.domain.authority import Authority, AuthorityProfile
from lowsky.airspace.postgres.authorities import AuthorityStore
from lowsky.db.database import Connection

Move = Callable[[Authority, datetime], None]
"""A change of one authority at a given time."""


async def create(
    connection: Connection, name: str, country: str, profile: AuthorityProfile, now: datetime
) -> Authority:
    """The new authority, stored and published as an event.

    Raises:
        AlreadyExists: The name is taken.
    """
    authority = Authority(name=name, country=country, profile=profile, create_time=now, update_time=now)
    await AuthorityStore(connection).add(authority)
    return authority


async def move(connection: Connection, name: str, etag: str, make: Move, now: datetime) -> Authority:
    """Locks the authority, compares the etag, applies the change, saves it and publishes an event.

    Raises:
        NotFound, StaleEtag
    """
    store = AuthorityStore(connection)
    authority = await store.get_to_change(name)
    authority.expect(etag)
    make(authority, now)
    await store.save(authority)
    return authority
