"""An officer creates or lifts a restriction. The caller holds the airspace lock; `revision` is the current one."""

from __future__ import annotations

from datetime import datetime

from lowsky.airspace.admission import AdmittedZone
from lowsky.airspace.codec.zones import pack
from lowsky.airspace.domain.restriction import (
    Drawing,
    authority_of,
    dataset_of,
    draw,
    notified_among,
    require_band,
    require_room,
    require_window,
    require_within_area,
)
from lowsky.airspace.domain.zone_names import geozone_name
from lowsky.airspace.postgres.authorities import AuthorityStore
from lowsky.airspace.postgres.restrictions import NewRestriction, RestrictionStore
from lowsky.airspace.postgres.zones import ZoneStore
from lowsky.db.database import Connection
from lowsky.ids import new_id


async def draw_restriction(
    connection: Connection, revision: int, drawing: Drawing, officer: str, now: datetime
) -> bytes:
    """Brings a restriction into force; returns its zone, lowsky.api.airspace.v1.Geozone.

    Raises:
        NotFound: There is no such authority.
        Invalid: Its time or its altitude is faulty.
        Precondition: The authority has no area or the outline extends beyond it, it has too many restrictions, or an
            authority to be notified is not registered.
    """
    authorities, store = AuthorityStore(connection), RestrictionStore(connection, revision)
    require_window(drawing.window, now)
    authority = await authorities.get(drawing.authority)
    registered = await authorities.display_names()
    require_band(drawing.layer.altitude)
    require_within_area(authority, drawing.layer.outline, drawing.outline_field)
    identifier = new_id()
    geozone = draw(identifier, authority, drawing, notified_among(registered, drawing.notified))
    dataset = dataset_of(authority.name)
    zone = pack(AdmittedZone(geozone_name(dataset, identifier), geozone, (), b""), dataset)
    require_room(authority.name, await store.in_force(authority.name))
    drawn = NewRestriction(authority.name, zone, drawing.window, officer)
    await store.add(drawn, f"Restrictions of {authority.profile.display_name}"[:200], now)
    stored, _ = await ZoneStore(connection).get(zone.name)
    return stored.message


async def lift_restriction(connection: Connection, revision: int, name: str, officer: str, now: datetime) -> bytes:
    """Ends a restriction before its end time; returns its zone as it was, lowsky.api.airspace.v1.Geozone.

    Raises:
        NotFound: It is over, or was lifted; or the zone is no restriction.
    """
    return await RestrictionStore(connection, revision).lift(name, authority_of(name), officer, now)
