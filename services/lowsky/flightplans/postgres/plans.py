"""Plans in PostgreSQL; their events are appended to the outbox in the same transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from lowsky.db.database import Connection
from lowsky.db.pages import fetch_page
from lowsky.errors import NotFound
from lowsky.events import topics
from lowsky.events.event import Event
from lowsky.events.outbox import append
from lowsky.flightplans.codec.plans import assessment_from_bytes, assessment_to_bytes, to_event
from lowsky.flightplans.domain.plan import ANY_OPERATOR, FlightPlan, State
from lowsky.flightplans.postgres.aliases import Aliases
from lowsky.flightplans.postgres.reservations import Reservation, Reservations
from lowsky.open_enums import text_member


@dataclass(frozen=True, slots=True)
class Filter:
    """The filter of a list; absent conditions do not restrict it."""

    operator: str | None = None
    visible_operator: str | None = None
    """Together with visible_authority: plans of this operator, or that concern or touch that authority. Both absent:
    all."""
    visible_authority: str | None = None
    states: Sequence[State] = ()
    start: datetime | None = None
    end: datetime | None = None
    aircraft: str | None = None


class FlightPlanStore:
    """The plans, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, new: Sequence[tuple[FlightPlan, Context]], reservations: Sequence[Reservation]) -> None:
        """Stores new plans with their reservations and emits their events, each in the context of its submission."""
        if not new:
            return
        plans = [plan for plan, _ in new]
        await self._connection.execute(
            """INSERT INTO flight_plans
                   (id, operator, aircraft, state, state_reason, version, create_time, update_time, time_start,
                    time_end, airspace_revision, authorities, subjects, approval, approval_number, content,
                    assessment, min_lon, min_lat, max_lon, max_lat)
               SELECT id, operator, aircraft, state, state_reason, 1, create_time, create_time, time_start, time_end,
                      airspace_revision, string_to_array(authorities, ' '), string_to_array(subjects, ' '), '', '',
                      content, assessment, min_lon, min_lat, max_lon, max_lat
               FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[],
                           $7::timestamptz[], $8::timestamptz[], $9::bigint[], $10::text[], $11::text[], $12::bytea[],
                           $13::bytea[], $14::float8[], $15::float8[], $16::float8[], $17::float8[])
                 AS p (id, operator, aircraft, state, state_reason, create_time, time_start, time_end,
                       airspace_revision, authorities, subjects, content, assessment, min_lon, min_lat, max_lon,
                       max_lat)""",
            [_id(plan.name) for plan in plans],
            [plan.operator for plan in plans],
            [plan.aircraft for plan in plans],
            [plan.state for plan in plans],
            [plan.state_reason for plan in plans],
            [plan.create_time for plan in plans],
            [plan.start for plan in plans],
            [plan.end for plan in plans],
            [plan.airspace_revision for plan in plans],
            # Arrays do not nest in unnest; names of authorities and zones have no spaces.
            [" ".join(plan.readers) for plan in plans],
            [" ".join(plan.zones_met) for plan in plans],
            [plan.content for plan in plans],
            [assessment_to_bytes(plan) for plan in plans],
            *zip(*(plan.extent for plan in plans), strict=True),
        )
        await Reservations(self._connection).add(reservations)
        await append(self._connection, [event for plan, context in new for event in context.run(events_of, plan)])

    async def save(self, plans: Sequence[FlightPlan], happened: Sequence[Event] | None = None) -> None:
        """Stores all that may change of plans that were read with their row locks, each of them once, and emits what
        happened to them.

        Args:
            happened: The events, where they were made as the plans moved; else those of their present states.
        """
        if not plans:
            return
        await self._connection.execute(
            """UPDATE flight_plans p
               SET state = n.state, state_reason = n.state_reason, version = n.version, update_time = n.update_time,
                   approval = n.approval, approval_number = n.approval_number,
                   airspace_revision = n.airspace_revision, authorities = string_to_array(n.authorities, ' '),
                   subjects = string_to_array(n.subjects, ' '), assessment = n.assessment,
                   off_nominal = n.off_nominal, nonconforming_since = n.nonconforming_since, airborne = n.airborne
               FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::timestamptz[], $6::text[], $7::text[],
                           $8::bigint[], $9::text[], $10::text[], $11::bytea[], $12::bytea[], $13::timestamptz[],
                           $14::boolean[])
                 AS n (id, state, state_reason, version, update_time, approval, approval_number, airspace_revision,
                       authorities, subjects, assessment, off_nominal, nonconforming_since, airborne)
               WHERE p.id = n.id AND p.id = ANY($1::text[])""",
            [plan.id for plan in plans],
            [plan.state for plan in plans],
            [plan.state_reason for plan in plans],
            [plan.version for plan in plans],
            [plan.update_time for plan in plans],
            [plan.approval for plan in plans],
            [plan.approval_number for plan in plans],
            [plan.airspace_revision for plan in plans],
            [" ".join(plan.readers) for plan in plans],
            [" ".join(plan.zones_met) for plan in plans],
            [assessment_to_bytes(plan) for plan in plans],
            [plan.off_nominal for plan in plans],
            [plan.nonconforming_since for plan in plans],
            [plan.airborne for plan in plans],
        )
        await self._free(plans)
        await append(self._connection, [e for plan in plans for e in events_of(plan)] if happened is None else happened)

    async def _free(self, plans: Sequence[FlightPlan]) -> None:
        """Releases the reservations of plans that are over, in the same transaction, so that others may use the
        airspace."""
        await Reservations(self._connection).free([UUID(plan.id) for plan in plans if plan.is_over])

    async def nonconforming_since_before(self, moment: datetime, limit: int) -> Sequence[str]:
        """Ids of plans that have been nonconforming since before a moment, the earliest first."""
        rows = await self._connection.fetch(
            "SELECT id FROM flight_plans WHERE nonconforming_since < $1 ORDER BY nonconforming_since, id LIMIT $2",
            moment,
            limit,
        )
        return [row["id"] for row in rows]

    async def lock_free(self, ids: Sequence[str]) -> Sequence[FlightPlan]:
        """Locks and returns those plans that no other transaction has locked."""
        rows = await self._connection.fetch(
            "SELECT * FROM flight_plans WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE SKIP LOCKED", ids
        )
        return [_plan(row) for row in rows]

    async def lock(self, id_: str) -> FlightPlan:
        """One plan, locked; waits until no other transaction has locked it."""
        (row,) = await self._connection.fetch("SELECT * FROM flight_plans WHERE id = $1 FOR UPDATE", id_)
        return _plan(row)

    async def lock_present(self, ids: Sequence[str]) -> Mapping[str, FlightPlan]:
        """Those plans that exist, by id, locked in the order of their ids."""
        return await self._some(ids, " ORDER BY id FOR UPDATE")

    async def present(self, ids: Sequence[str]) -> Mapping[str, FlightPlan]:
        """Those plans that exist, by id."""
        return await self._some(ids, "")

    async def _some(self, ids: Sequence[str], how: str) -> Mapping[str, FlightPlan]:
        if not ids:
            return {}
        rows = await self._connection.fetch("SELECT * FROM flight_plans WHERE id = ANY($1::text[])" + how, ids)
        return {row["id"]: _plan(row) for row in rows}

    async def lock_all(self, names: Collection[str]) -> Mapping[str, FlightPlan]:
        """Plans by name, locked in the order of their ids, which is the same everywhere, to avoid deadlocks.

        Raises:
            NotFound: One of them does not exist.
        """
        locked = await self.lock_present([_id(name) for name in names])
        found = {plan.name: plan for plan in locked.values()}
        for name in names:
            if name not in found:
                raise NotFound(name)
        return found

    async def find(self, name: str) -> FlightPlan:
        """One plan, by its name or its alias (`operators/-/flightPlans/{alias}`): for reading only.

        Raises:
            NotFound
        """
        if not name.startswith(f"{ANY_OPERATOR}/"):
            return await self.get(name)
        id_ = (await Aliases.kept(self._connection)).plan(name)
        found = await self.present([id_] if id_ else [])
        if not found:
            raise NotFound(name)
        return found[str(id_)]

    async def get(self, name: str, *, lock: bool = False) -> FlightPlan:
        """One plan; with ``lock``, locked until the end of the transaction.

        Raises:
            NotFound
        """
        row = await self._connection.fetchrow(
            "SELECT * FROM flight_plans WHERE id = $1 AND operator = $2" + (" FOR UPDATE" if lock else ""),
            _id(name),
            name.partition("/flightPlans/")[0],
        )
        if row is None:
            raise NotFound(name)
        return _plan(row)

    async def list(
        self, wanted: Filter, before: str | None, limit: int, bytes_max: int
    ) -> tuple[Sequence[FlightPlan], bool]:
        """Plans that match the filter, the newest first, starting before an id: as many as fit into ``bytes_max``, but
        at least one; and whether there are more."""
        conditions, values = _conditions(wanted, before)
        rows, more = await fetch_page(
            self._connection,
            f"SELECT * FROM flight_plans WHERE {conditions} ORDER BY id DESC LIMIT {limit + 1:d}",
            values,
            size="(octet_length(content) + octet_length(assessment) + octet_length(off_nominal))",
            order="id DESC",
            rows=limit,
            bytes_max=bytes_max,
        )
        return [_plan(row) for row in rows], more


def _conditions(wanted: Filter, before: str | None) -> tuple[str, Sequence[object]]:
    """Only the conditions that restrict the list: PostgreSQL uses no index for one that may be absent, or for either of
    two of which one is."""
    values: list[object] = []

    def given(*pairs: tuple[str, object]) -> list[str]:
        found = [(condition, value) for condition, value in pairs if value is not None]
        first = len(values) + 1
        values.extend(value for _, value in found)
        return [condition.format(n) for n, (condition, _) in enumerate(found, first)]

    visible = given(
        ("operator = ${}", wanted.visible_operator), ("authorities @> ARRAY[${}::text]", wanted.visible_authority)
    )
    conditions = given(
        ("operator = ${}", wanted.operator),
        ("state = ANY(${}::text[])", list(wanted.states) or None),
        ("time_end > ${}", wanted.start),
        ("time_start < ${}", wanted.end),
        ("aircraft = ${}", wanted.aircraft),
        ("id < ${}", before),
    )
    return " AND ".join([*([f"({' OR '.join(visible)})"] if visible else []), *conditions]) or "true", values


def events_of(plan: FlightPlan) -> list[Event]:
    """The events of the plan that have not been emitted yet, with the plan as it is now; they are taken from it."""
    events = [
        Event(
            topics.FLIGHT_PLANS,
            plan.name,
            f"lowsky.flightplan.{happening.what}.v1",
            to_event(plan, happening),
            plan.update_time,
        )
        for happening in plan.happened
    ]
    plan.happened.clear()
    return events


def _id(name: str) -> str:
    return name.rpartition("/")[2]


def _plan(row: asyncpg.Record) -> FlightPlan:
    findings, touched = assessment_from_bytes(row["assessment"])
    return FlightPlan(
        name=f"{row['operator']}/flightPlans/{row['id']}",
        operator=row["operator"],
        aircraft=row["aircraft"],
        content=row["content"],
        start=row["time_start"],
        end=row["time_end"],
        create_time=row["create_time"],
        update_time=row["update_time"],
        state=text_member(State, row["state"]),
        state_reason=row["state_reason"],
        findings=findings,
        touched=touched,
        airspace_revision=row["airspace_revision"],
        approval=row["approval"],
        approval_number=row["approval_number"],
        off_nominal=row["off_nominal"],
        nonconforming_since=row["nonconforming_since"],
        airborne=row["airborne"],
        extent=(row["min_lon"], row["min_lat"], row["max_lon"], row["max_lat"]),
        version=row["version"],
    )
