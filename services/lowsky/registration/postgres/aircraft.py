"""Aircraft in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from lowsky.db.database import Connection
from lowsky.errors import AlreadyExists, NotFound
from lowsky.events import topics
from lowsky.events.event import Event
from lowsky.events.outbox import append
from lowsky.open_enums import text_member
from lowsky.registration.codec import aircraft as aircraft_codec
from lowsky.registration.domain.aircraft import Aircraft, AircraftProfile, AircraftState, EuClass
from lowsky.registration.domain.identifier_rules import AIRCRAFT_FIELD
from lowsky.registration.identifiers.identifier import Identifier, Scope


class AircraftStore:
    """The aircraft, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, aircraft: Aircraft) -> None:
        """Stores a new aircraft and emits its event.

        Raises:
            AlreadyExists: The name is taken, or one of the identifiers belongs to another active aircraft.
        """
        # A violated constraint would be logged by the database with the name that the client chose.
        if not await self._connection.fetchval(
            f"INSERT INTO aircraft ({_COLUMNS}) VALUES ({_PLACEHOLDERS}) ON CONFLICT (name) DO NOTHING RETURNING true",
            *_row(aircraft),
        ):
            raise AlreadyExists(f"{aircraft.name} is taken", field="aircraft_id")
        await self._identify([aircraft])
        await self._emit([aircraft])

    async def save(self, *changed: Aircraft) -> None:
        """Stores changes, of one aircraft or of a whole fleet, and emits their events.

        Raises:
            AlreadyExists: A new identifier belongs to another active aircraft.
        """
        assignments = ", ".join(f"{column} = ${n}" for n, column in enumerate(_COLUMNS.split(", "), 1))
        await self._connection.executemany(
            f"UPDATE aircraft SET {assignments} WHERE name = $1", [_row(aircraft) for aircraft in changed]
        )
        await self._identify(changed)
        await self._emit(changed)

    async def get(self, name: str, *, lock: bool = False) -> Aircraft:
        """One aircraft; with ``lock``, locked until the end of the transaction.

        Raises:
            NotFound
        """
        row = await self._connection.fetchrow(
            "SELECT * FROM aircraft WHERE name = $1" + (" FOR UPDATE" if lock else ""), name
        )
        if row is None:
            raise NotFound(name)
        return (await self._complete([row]))[0]

    async def active_of(self, operator: str) -> Sequence[Aircraft]:
        """The active aircraft of an operator, by name and locked. Lock the operator first, so that none is added
        afterwards."""
        rows = await self._connection.fetch(
            "SELECT * FROM aircraft WHERE operator = $1 AND state = 'ACTIVE' ORDER BY name FOR UPDATE", operator
        )
        return await self._complete(rows)

    async def page(self, operator: str | None, after: str | None, limit: int) -> Sequence[Aircraft]:
        """Aircraft by name, starting after a name; of all operators if none is given."""
        where, parameters = ("", ()) if operator is None else ("AND operator = $3", (operator,))
        rows = await self._connection.fetch(
            f"SELECT * FROM aircraft WHERE name > $1 {where} ORDER BY name LIMIT $2", after or "", limit, *parameters
        )
        return await self._complete(rows)

    async def _complete(self, rows: Sequence[asyncpg.Record]) -> list[Aircraft]:
        stored = await self._identifiers_of([row["name"] for row in rows])
        return [_aircraft(row, stored[row["name"]]) for row in rows]

    async def _identifiers_of(self, names: Sequence[str]) -> dict[str, list[asyncpg.Record]]:
        found: dict[str, list[asyncpg.Record]] = {name: [] for name in names}
        for row in await self._connection.fetch(
            "SELECT * FROM aircraft_identifiers WHERE aircraft = ANY($1::text[]) ORDER BY aircraft, scheme", list(names)
        ):
            found[row["aircraft"]].append(row)
        return found

    async def _identify(self, changed: Sequence[Aircraft]) -> None:
        """Updates the stored identifiers to those of the aircraft. A foreign key keeps their state the aircraft's."""
        stored = await self._identifiers_of([aircraft.name for aircraft in changed])
        before = {
            (row["aircraft"], row["scheme"], row["scope"], row["value"]) for rows in stored.values() for row in rows
        }
        after = {
            (aircraft.name, one.scheme, aircraft.scope_of(one), one.value): aircraft.state
            for aircraft in changed
            for one in aircraft.identifiers
        }
        if removed := before - after.keys():
            await self._connection.execute(
                """DELETE FROM aircraft_identifiers USING unnest($1::text[], $2::text[]) AS r (aircraft, scheme)
                   WHERE aircraft_identifiers.aircraft = r.aircraft AND aircraft_identifiers.scheme = r.scheme""",
                [key[0] for key in removed],
                [key[1] for key in removed],
            )
        # Always in the order of the numbers, so that two transactions with the same two numbers do not deadlock.
        if added := sorted(after.keys() - before, key=lambda key: key[1:]):
            inserted = await self._connection.fetch(
                """INSERT INTO aircraft_identifiers (aircraft, scheme, scope, value, state)
                   SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
                   ON CONFLICT (scheme, scope, value) WHERE state = 'ACTIVE' DO NOTHING RETURNING aircraft, scheme""",
                *zip(*((*key, after[key]) for key in added), strict=True),
            )
            taken = {(key[0], key[1]) for key in added} - {(row["aircraft"], row["scheme"]) for row in inserted}
            for _, scheme in sorted(taken):
                raise AlreadyExists(
                    f"an active aircraft is registered with this {scheme}", field=AIRCRAFT_FIELD, scheme=scheme
                )

    async def _emit(self, changed: Sequence[Aircraft]) -> None:
        events = []
        for aircraft in changed:
            value = aircraft_codec.to_event(aircraft)
            events += [
                Event(topics.OPERATORS, aircraft.name, f"lowsky.aircraft.{what}.v1", value, aircraft.update_time)
                for what in aircraft.happened
            ]
            aircraft.happened.clear()
        await append(self._connection, events)


_COLUMNS = (
    "name, operator, version, create_time, update_time, manufacturer, model, "
    "empty_mass_kg, max_takeoff_mass_kg, max_speed_mps, max_height_m, eu_class, state"
)
_PLACEHOLDERS = ", ".join(f"${n}" for n in range(1, len(_COLUMNS.split(", ")) + 1))


def _row(aircraft: Aircraft) -> tuple[object, ...]:
    profile = aircraft.profile
    return (
        aircraft.name,
        aircraft.operator,
        aircraft.version,
        aircraft.create_time,
        aircraft.update_time,
        profile.manufacturer,
        profile.model,
        profile.empty_mass_kg,
        profile.max_takeoff_mass_kg,
        profile.max_speed_mps,
        profile.max_height_m,
        profile.eu_class,
        aircraft.state,
    )


def _aircraft(row: asyncpg.Record, identifiers: Sequence[asyncpg.Record]) -> Aircraft:
    return Aircraft(
        name=row["name"],
        identifiers=tuple(Identifier(one["scheme"], one["value"], _scope(one["scope"])) for one in identifiers),
        profile=AircraftProfile(
            manufacturer=row["manufacturer"],
            model=row["model"],
            empty_mass_kg=row["empty_mass_kg"],
            max_takeoff_mass_kg=row["max_takeoff_mass_kg"],
            max_speed_mps=row["max_speed_mps"],
            max_height_m=row["max_height_m"],
            eu_class=text_member(EuClass, row["eu_class"]),
        ),
        create_time=row["create_time"],
        update_time=row["update_time"],
        state=text_member(AircraftState, row["state"]),
        version=row["version"],
        happened=[],
    )


def _scope(text: str) -> Scope:
    return Scope(text.partition(":")[0]) if text else Scope.EVERYWHERE
