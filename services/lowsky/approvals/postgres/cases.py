"""Cases in PostgreSQL; their events are appended to the outbox in the same transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime

import asyncpg

from lowsky.approvals.codec import approvals as approvals_codec
from lowsky.approvals.domain.approval import Approval, ApprovalState, Decision, Outcome
from lowsky.approvals.domain.reasons import Rescission
from lowsky.db.database import Connection
from lowsky.db.pages import fetch_page
from lowsky.errors import NotFound
from lowsky.events import topics
from lowsky.events.event import Event
from lowsky.events.outbox import append
from lowsky.open_enums import text_member

QueueKey = tuple[datetime, str]
"""The position of a case in a queue: decide_by_time and name."""

BEGINNING: QueueKey = (datetime(1970, 1, 1, tzinfo=UTC), "")

EmitContext = Callable[[Approval], AbstractContextManager[None]]
"""The context in which the events of a case are created: it sets their trace and causation."""


def _no_context(_: Approval) -> AbstractContextManager[None]:
    return nullcontext()


class ApprovalStore:
    """The cases, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def new_numbers(self, count: int, now: datetime) -> list[str]:
        """Unique numbers: the year, and a counter of at least seven digits that continues over the years.

        A transaction that takes a number and does not commit leaves a gap.
        """
        rows = await self._connection.fetch(
            "SELECT nextval('approval_numbers') AS number FROM generate_series(1, $1)", count
        )
        return [f"LS-{now.year}-{row['number']:07d}" for row in rows]

    async def add(self, approvals: Sequence[Approval], context_of: EmitContext = _no_context) -> None:
        """Stores new cases and emits their events; skips those whose plan already has a case: a plan has one case."""
        inserted = await self._connection.fetch(_ADD, *zip(*[_row(approval) for approval in approvals], strict=True))
        names = {row["name"] for row in inserted}
        new = [approval for approval in approvals if approval.name in names]
        await self._connection.executemany(_ADD_CONCERNED, [row for a in new for row in _concerned_rows(a)])
        await self._emit(new, context_of)

    async def save(self, approvals: Sequence[Approval], context_of: EmitContext = _no_context) -> None:
        """Stores changes of locked cases and emits their events."""
        await self._connection.executemany(
            """UPDATE approvals
               SET version = $2, update_time = $3, state = $4, rescinded_by = $5, rescinder = $6, rescind_reason = $7,
                   rescind_codes = $8, rescind_time = $9
               WHERE name = $1""",
            [(a.name, a.version, a.update_time, a.state, *_rescission_row(a)) for a in approvals],
        )
        await self._connection.executemany(
            """UPDATE concerned_authorities
               SET outcome = $3, officer = $4, reason = $5, decide_time = $6, state = $7, reason_codes = $8,
                   airspace_revision = $9
               WHERE approval = $1 AND authority = $2""",
            [row[:9] for approval in approvals for row in _concerned_rows(approval)],
        )
        await self._emit(approvals, context_of)

    async def renew(self, approvals: Sequence[Approval], context_of: EmitContext = _no_context) -> None:
        """Stores locked cases whose authorities may have changed, and emits their events."""
        names = [approval.name for approval in approvals]
        await self._connection.executemany(
            """UPDATE approvals SET version = $2, update_time = $3, state = $4, automatic = $5, plan = $6
               WHERE name = $1""",
            [(a.name, a.version, a.update_time, a.state, a.automatic, a.snapshot) for a in approvals],
        )
        await self._connection.execute("DELETE FROM concerned_authorities WHERE approval = ANY($1::text[])", names)
        await self._connection.executemany(_ADD_CONCERNED, [row for a in approvals for row in _concerned_rows(a)])
        await self._emit(approvals, context_of)

    async def get(self, name: str, *, lock: bool = False) -> Approval:
        """One case; with ``lock``, locked until the end of the transaction.

        Raises:
            NotFound
        """
        rows = await self._connection.fetch(
            "SELECT * FROM approvals WHERE name = $1" + (" FOR UPDATE" if lock else ""), name
        )
        if not rows:
            raise NotFound(name)
        return (await self._complete(rows))[0]

    async def of_plan(self, plan: str) -> Sequence[Approval]:
        """The case of a plan; empty if it has none."""
        return await self._complete(
            await self._connection.fetch("SELECT * FROM approvals WHERE flight_plan = $1", plan)
        )

    async def of_plans(self, plans: Sequence[str], states: Sequence[ApprovalState]) -> Sequence[Approval]:
        """The cases of the plans that are in one of the states, locked; always in one order, to avoid deadlocks."""
        rows = await self._connection.fetch(
            """SELECT * FROM approvals WHERE flight_plan = ANY($1::text[]) AND state = ANY($2::text[])
               ORDER BY flight_plan FOR UPDATE""",
            plans,
            states,
        )
        return await self._complete(rows)

    async def overdue(self, now: datetime, limit: int) -> Sequence[Approval]:
        """Pending cases whose time is over, locked; skips those that another transaction has locked."""
        rows = await self._connection.fetch(
            """SELECT * FROM approvals WHERE state = 'PENDING' AND decide_by_time <= $1
               ORDER BY decide_by_time LIMIT $2 FOR UPDATE SKIP LOCKED""",
            now,
            limit,
        )
        return await self._complete(rows)

    async def queue(
        self,
        *,
        authority: str | None,
        operator: str | None,
        states: Sequence[ApprovalState],
        awaiting: bool,
        after: QueueKey,
        limit: int,
        bytes_max: int,
    ) -> tuple[Sequence[Approval], bool]:
        """The cases that concern an authority or belong to an operator, ordered by when they must be decided, and
        whether there are more.

        With ``awaiting``, only those that the authority has still to decide. As many as fit into ``bytes_max``, but at
        least one.
        """
        rows, more = await fetch_page(
            self._connection,
            _QUEUE,
            (states, authority, operator, awaiting, *after, limit + 1),
            size="octet_length(plan)",
            order="decide_by_time, name",
            rows=limit,
            bytes_max=bytes_max,
        )
        return await self._complete(rows), more

    async def _complete(self, rows: Sequence[asyncpg.Record]) -> list[Approval]:
        concerned: dict[str, list[asyncpg.Record]] = {row["name"]: [] for row in rows}
        if not concerned:
            return []
        for row in await self._connection.fetch(
            "SELECT * FROM concerned_authorities WHERE approval = ANY($1::text[]) ORDER BY approval, position",
            list(concerned),
        ):
            concerned[row["approval"]].append(row)
        return [_approval(row, concerned[row["name"]]) for row in rows]

    async def _emit(self, approvals: Sequence[Approval], context_of: EmitContext) -> None:
        events = []
        for approval in approvals:
            value = approvals_codec.to_event(approval)
            with context_of(approval):
                events += [
                    Event(topics.APPROVALS, approval.name, f"lowsky.approval.{what}.v1", value, approval.update_time)
                    for what in approval.happened
                ]
            approval.happened.clear()
        await append(self._connection, events)


_ADD = """
INSERT INTO approvals
    (name, number, flight_plan, operator, version, create_time, update_time, state, automatic, decide_by_time, plan)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[],
                     $7::timestamptz[], $8::text[], $9::boolean[], $10::timestamptz[], $11::bytea[])
ON CONFLICT (flight_plan) DO NOTHING RETURNING name
"""

_ADD_CONCERNED = """
INSERT INTO concerned_authorities
    (approval, authority, outcome, officer, reason, decide_time, state, reason_codes, airspace_revision,
     decide_by_time, position, geozones)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""

# For each state the queue is read from an index, in order, and no further than the page needs.
_QUEUE = """
WITH due AS (
    SELECT k.* FROM unnest($1::text[]) AS s (state) CROSS JOIN LATERAL (
        SELECT decide_by_time, approval AS name FROM concerned_authorities
        WHERE authority = $2 AND state = s.state AND (outcome = 'PENDING' OR NOT $4)
          AND (decide_by_time, approval) > ($5, $6)
        ORDER BY decide_by_time, approval LIMIT $7) AS k
    UNION
    SELECT k.* FROM unnest($1::text[]) AS s (state) CROSS JOIN LATERAL (
        SELECT decide_by_time, name FROM approvals
        WHERE operator = $3 AND state = s.state AND NOT $4 AND (decide_by_time, name) > ($5, $6)
        ORDER BY decide_by_time, name LIMIT $7) AS k
    ORDER BY decide_by_time, name LIMIT $7
)
SELECT approvals.* FROM due JOIN approvals USING (name) ORDER BY approvals.decide_by_time, name
"""


def _row(approval: Approval) -> tuple[object, ...]:
    return (
        approval.name,
        approval.number,
        approval.plan,
        approval.operator,
        approval.version,
        approval.create_time,
        approval.update_time,
        approval.state,
        approval.automatic,
        approval.decide_by_time,
        approval.snapshot,
    )


def _concerned_rows(approval: Approval) -> list[tuple[object, ...]]:
    """The key first, then the columns that may change, then the others."""
    notified = [Decision(authority, ()) for authority in approval.notified_authorities]
    return [
        (
            approval.name,
            decision.authority,
            decision.outcome if position < len(approval.decisions) else None,
            decision.officer,
            decision.reason,
            decision.decide_time,
            approval.state,
            decision.reason_codes,
            decision.airspace_revision,
            approval.decide_by_time,
            position,
            decision.geozones,
        )
        for position, decision in enumerate([*approval.decisions, *notified])
    ]


def _approval(row: asyncpg.Record, concerned: Sequence[asyncpg.Record]) -> Approval:
    return Approval(
        name=row["name"],
        number=row["number"],
        plan=row["flight_plan"],
        snapshot=row["plan"],
        decisions=tuple(_decision(one) for one in concerned if one["outcome"] is not None),
        notified_authorities=tuple(one["authority"] for one in concerned if one["outcome"] is None),
        decide_by_time=row["decide_by_time"],
        create_time=row["create_time"],
        update_time=row["update_time"],
        state=text_member(ApprovalState, row["state"]),
        automatic=row["automatic"],
        rescission=_rescission(row),
        version=row["version"],
    )


def _decision(row: asyncpg.Record) -> Decision:
    return Decision(
        authority=row["authority"],
        geozones=tuple(row["geozones"]),
        outcome=text_member(Outcome, row["outcome"]),
        officer=row["officer"],
        reason=row["reason"],
        decide_time=row["decide_time"],
        reason_codes=tuple(row["reason_codes"]),
        airspace_revision=row["airspace_revision"],
    )


def _rescission_row(approval: Approval) -> tuple[object, ...]:
    one = approval.rescission
    return (one.authority, one.officer, one.reason, one.reason_codes, one.rescind_time) if one else (None,) * 5


def _rescission(row: asyncpg.Record) -> Rescission | None:
    if row["rescinded_by"] is None:
        return None
    return Rescission(
        authority=row["rescinded_by"],
        officer=row["rescinder"],
        reason=row["rescind_reason"],
        reason_codes=tuple(row["rescind_codes"]),
        rescind_time=row["rescind_time"],
    )
