"""Plans in PostgreSQL; what happened to them goes to the outbox in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import Context
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from lowsky.db.database import Connection
from lowsky.errors import NotFound
from lowsky.events.event import Event
from lowsky.events.outbox import append
from lowsky.flightplans.codec import assessment_to_bytes, findings_from_bytes, to_event
from lowsky.flightplans.domain.plan import FlightPlan, State

TOPIC = "lowsky.flight-plans.v1"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which plans are listed. Absent parts do not narrow."""

    operator: str | None = None
    visible_operator: str | None = None
    """Together with visible_authority: plans of this operator, or that touch that authority. Both absent: all."""
    visible_authority: str | None = None
    states: Sequence[State] = ()
    start: datetime | None = None
    end: datetime | None = None
    aircraft: str | None = None


class FlightPlanStore:
    """The plans, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, new: Sequence[tuple[FlightPlan, Context]]) -> None:
        """Stores new plans and tells of them, all in two statements; of each in the context of who asked for it."""
        if not new:
            return
        plans = [plan for plan, _ in new]
        await self._connection.execute(
            """INSERT INTO flight_plans
                   (id, operator, aircraft, state, state_reason, version, create_time, update_time, time_start,
                    time_end, airspace_revision, authorities, approval, approval_number, content, assessment)
               SELECT id, operator, aircraft, state, state_reason, 1, create_time, create_time, time_start, time_end,
                      airspace_revision, string_to_array(authorities, ' '), '', '', content, assessment
               FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[],
                           $7::timestamptz[], $8::timestamptz[], $9::bigint[], $10::text[], $11::bytea[], $12::bytea[])
                 AS p (id, operator, aircraft, state, state_reason, create_time, time_start, time_end,
                       airspace_revision, authorities, content, assessment)""",
            [_id(plan.name) for plan in plans],
            [plan.operator for plan in plans],
            [plan.aircraft for plan in plans],
            [plan.state for plan in plans],
            [plan.state_reason for plan in plans],
            [plan.create_time for plan in plans],
            [plan.start for plan in plans],
            [plan.end for plan in plans],
            [plan.airspace_revision for plan in plans],
            # Arrays do not nest in unnest; names of authorities have no spaces.
            [" ".join((*plan.deciding_authorities, *plan.notified_authorities)) for plan in plans],
            [plan.content for plan in plans],
            [assessment_to_bytes(plan) for plan in plans],
        )
        await append(self._connection, [event for plan, context in new for event in context.run(_told, plan)])

    async def save(self, plan: FlightPlan) -> None:
        """Stores a move and tells of it. The plan was read with its row lock."""
        await self._connection.execute(
            """UPDATE flight_plans SET state = $2, state_reason = $3, version = $4, update_time = $5, approval = $6,
                                       approval_number = $7
               WHERE id = $1""",
            _id(plan.name),
            plan.state,
            plan.state_reason,
            plan.version,
            plan.update_time,
            plan.approval,
            plan.approval_number,
        )
        await append(self._connection, _told(plan))

    async def get(self, name: str, *, lock: bool = False) -> FlightPlan:
        """One plan; locked until the end of the transaction where it is to be moved.

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

    async def list(self, wanted: Filter, before: str | None, limit: int) -> Sequence[FlightPlan]:
        """Plans that pass the filter, the newest first, beginning before an id."""
        rows = await self._connection.fetch(
            """SELECT * FROM flight_plans
               WHERE ($1::text IS NULL OR operator = $1)
                 AND (($2::text IS NULL AND $3::text IS NULL) OR operator = $2 OR authorities @> ARRAY[$3::text])
                 AND (cardinality($4::text[]) = 0 OR state = ANY($4::text[]))
                 AND ($5::timestamptz IS NULL OR time_end > $5)
                 AND ($6::timestamptz IS NULL OR time_start < $6)
                 AND ($7::text IS NULL OR aircraft = $7)
                 AND ($8::text IS NULL OR id < $8)
               ORDER BY id DESC LIMIT $9""",
            wanted.operator,
            wanted.visible_operator,
            wanted.visible_authority,
            list(wanted.states),
            wanted.start,
            wanted.end,
            wanted.aircraft,
            before,
            limit,
        )
        return [_plan(row) for row in rows]


def _told(plan: FlightPlan) -> list[Event]:
    """What happened to the plan since it was last told of."""
    events = [
        Event(
            TOPIC,
            plan.name,
            f"lowsky.flightplan.{happening.what}.v1",
            to_event(plan, happening.previous),
            plan.update_time,
        )
        for happening in plan.happened
    ]
    plan.happened.clear()
    return events


def _id(name: str) -> str:
    return name.rpartition("/")[2]


def _plan(row: asyncpg.Record) -> FlightPlan:
    return FlightPlan(
        name=f"{row['operator']}/flightPlans/{row['id']}",
        operator=row["operator"],
        aircraft=row["aircraft"],
        content=row["content"],
        start=row["time_start"],
        end=row["time_end"],
        create_time=row["create_time"],
        update_time=row["update_time"],
        state=State(row["state"]),
        state_reason=row["state_reason"],
        findings=findings_from_bytes(row["assessment"]),
        airspace_revision=row["airspace_revision"],
        approval=row["approval"],
        approval_number=row["approval_number"],
        version=row["version"],
    )
