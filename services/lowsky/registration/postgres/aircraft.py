"""Aircraft in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from lowsky.db.database import Connection
from lowsky.errors import AlreadyExists, NotFound
from lowsky.events.event import Event
from lowsky.events.outbox import append
from lowsky.registration.codec import aircraft as aircraft_codec
from lowsky.registration.domain.aircraft import Aircraft, AircraftProfile, AircraftState, EuClass
from lowsky.registration.postgres.topic import TOPIC


class AircraftStore:
    """The aircraft, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, aircraft: Aircraft) -> None:
        """Stores a new aircraft and tells of it.

        Raises:
            AlreadyExists: The name is taken, or the serial number by another active aircraft.
        """
        try:
            await self._connection.execute(f"INSERT INTO aircraft ({_COLUMNS}) VALUES ({_PLACES})", *_row(aircraft))
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name == "aircraft_active_serial_number":
                raise AlreadyExists(
                    "an active aircraft is registered with this serial number", field="aircraft.serial_number"
                ) from None
            raise AlreadyExists(f"{aircraft.name} is taken", field="aircraft_id") from None
        await self._tell([aircraft])

    async def save(self, *changed: Aircraft) -> None:
        """Stores changes, of one or of a whole fleet, and tells of them."""
        assignments = ", ".join(f"{column} = ${n}" for n, column in enumerate(_COLUMNS.split(", "), 1))
        await self._connection.executemany(
            f"UPDATE aircraft SET {assignments} WHERE name = $1", [_row(aircraft) for aircraft in changed]
        )
        await self._tell(changed)

    async def get(self, name: str, *, lock: bool = False) -> Aircraft:
        """One aircraft; locked until the end of the transaction where it is to be changed.

        Raises:
            NotFound
        """
        row = await self._connection.fetchrow(
            "SELECT * FROM aircraft WHERE name = $1" + (" FOR UPDATE" if lock else ""), name
        )
        if row is None:
            raise NotFound(name)
        return _aircraft(row)

    async def active_of(self, operator: str) -> Sequence[Aircraft]:
        """The active aircraft of an operator, by name and locked. Lock the operator first, then none comes after."""
        rows = await self._connection.fetch(
            "SELECT * FROM aircraft WHERE operator = $1 AND state = 'ACTIVE' ORDER BY name FOR UPDATE", operator
        )
        return [_aircraft(row) for row in rows]

    async def page(self, operator: str | None, after: str | None, limit: int) -> Sequence[Aircraft]:
        """Aircraft by name, beginning after one; of all operators where none is given."""
        where, parameters = ("", ()) if operator is None else ("AND operator = $3", (operator,))
        rows = await self._connection.fetch(
            f"SELECT * FROM aircraft WHERE name > $1 {where} ORDER BY name LIMIT $2", after or "", limit, *parameters
        )
        return [_aircraft(row) for row in rows]

    async def _tell(self, changed: Sequence[Aircraft]) -> None:
        events = []
        for aircraft in changed:
            value = aircraft_codec.to_event(aircraft)
            events += [
                Event(TOPIC, aircraft.name, f"lowsky.aircraft.{what}.v1", value, aircraft.update_time)
                for what in aircraft.happened
            ]
            aircraft.happened.clear()
        await append(self._connection, events)


_COLUMNS = (
    "name, operator, version, create_time, update_time, serial_number, cn_product_id, manufacturer, model, "
    "empty_mass_kg, max_takeoff_mass_kg, max_speed_mps, max_height_m, eu_class, state"
)
_PLACES = ", ".join(f"${n}" for n in range(1, len(_COLUMNS.split(", ")) + 1))


def _row(aircraft: Aircraft) -> tuple[object, ...]:
    profile = aircraft.profile
    return (
        aircraft.name,
        aircraft.operator,
        aircraft.version,
        aircraft.create_time,
        aircraft.update_time,
        aircraft.serial_number,
        profile.cn_product_id,
        profile.manufacturer,
        profile.model,
        profile.empty_mass_kg,
        profile.max_takeoff_mass_kg,
        profile.max_speed_mps,
        profile.max_height_m,
        profile.eu_class,
        aircraft.state,
    )


def _aircraft(row: asyncpg.Record) -> Aircraft:
    return Aircraft(
        name=row["name"],
        serial_number=row["serial_number"],
        profile=AircraftProfile(
            cn_product_id=row["cn_product_id"],
            manufacturer=row["manufacturer"],
            model=row["model"],
            empty_mass_kg=row["empty_mass_kg"],
            max_takeoff_mass_kg=row["max_takeoff_mass_kg"],
            max_speed_mps=row["max_speed_mps"],
            max_height_m=row["max_height_m"],
            eu_class=EuClass(row["eu_class"]),
        ),
        create_time=row["create_time"],
        update_time=row["update_time"],
        state=AircraftState(row["state"]),
        version=row["version"],
        happened=[],
    )
