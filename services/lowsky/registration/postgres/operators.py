"""Operators in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import asyncpg

from lowsky.db.database import Connection
from lowsky.errors import AlreadyExists, NotFound
from lowsky.events import topics
from lowsky.events.event import Event
from lowsky.events.outbox import append
from lowsky.open_enums import number_member, text_member
from lowsky.priority import Priority
from lowsky.registration.codec import operators as operators_codec
from lowsky.registration.domain.identifier_rules import OPERATOR_FIELD
from lowsky.registration.domain.operator import (
    Operator,
    OperatorKind,
    OperatorProfile,
    OperatorState,
)
from lowsky.registration.identifiers.identifier import Identifier

Lock = Literal["UPDATE", "SHARE"]
"""UPDATE to change the row; SHARE to prevent changes by others, who may hold a shared lock at the same time."""


class OperatorStore:
    """The operators, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, operator: Operator) -> None:
        """Stores a new operator and emits its event.

        Raises:
            AlreadyExists: The name, or one of the identifiers, is taken.
        """
        # A violated constraint would be logged by the database with the name that the client chose.
        if not await self._connection.fetchval(
            f"INSERT INTO operators ({_COLUMNS}) VALUES ({_PLACEHOLDERS}) ON CONFLICT (name) DO NOTHING RETURNING true",
            *_row(operator),
        ):
            raise AlreadyExists(f"{operator.name} is taken", field="operator_id")
        # Always in the order of the numbers, so that two transactions with the same two numbers do not deadlock.
        wanted = sorted((one.scheme, one.value) for one in operator.identifiers)
        inserted = await self._connection.fetch(
            """INSERT INTO operator_identifiers (scheme, value, operator)
               SELECT scheme, value, $3 FROM unnest($1::text[], $2::text[]) AS w (scheme, value)
               ON CONFLICT DO NOTHING RETURNING scheme""",
            [scheme for scheme, _ in wanted],
            [value for _, value in wanted],
            operator.name,
        )
        for scheme in sorted({scheme for scheme, _ in wanted} - {row["scheme"] for row in inserted}):
            raise AlreadyExists(
                f"another operator is registered with this {scheme}", field=OPERATOR_FIELD, scheme=scheme
            )
        await self._emit(operator)

    async def save(self, operator: Operator) -> None:
        """Stores a change and emits its events."""
        assignments = ", ".join(f"{column} = ${n}" for n, column in enumerate(_COLUMNS.split(", "), 1))
        await self._connection.execute(f"UPDATE operators SET {assignments} WHERE name = $1", *_row(operator))
        await self._emit(operator)

    async def get(self, name: str, *, lock: Lock | None = None) -> Operator:
        """One operator; with ``lock``, locked until the end of the transaction.

        Raises:
            NotFound
        """
        row = await self._connection.fetchrow(
            "SELECT * FROM operators WHERE name = $1" + (f" FOR {lock}" if lock else ""), name
        )
        if row is None:
            raise NotFound(name)
        return (await self._complete([row]))[0]

    async def page(self, states: Sequence[OperatorState], after: str | None, limit: int) -> Sequence[Operator]:
        """Operators by name, starting after a name; of all states if none is given."""
        rows = await self._connection.fetch(
            """SELECT * FROM operators
               WHERE name > $1 AND (cardinality($2::text[]) = 0 OR state = ANY($2::text[])) ORDER BY name LIMIT $3""",
            after or "",
            list(states),
            limit,
        )
        return await self._complete(rows)

    async def _complete(self, rows: Sequence[asyncpg.Record]) -> list[Operator]:
        numbers: dict[str, list[Identifier]] = {row["name"]: [] for row in rows}
        for row in await self._connection.fetch(
            "SELECT * FROM operator_identifiers WHERE operator = ANY($1::text[]) ORDER BY scheme", list(numbers)
        ):
            numbers[row["operator"]].append(Identifier(row["scheme"], row["value"]))
        return [_operator(row, numbers[row["name"]]) for row in rows]

    async def _emit(self, operator: Operator) -> None:
        value = operators_codec.to_event(operator)
        await append(
            self._connection,
            [
                Event(topics.OPERATORS, operator.name, f"lowsky.operator.{what}.v1", value, operator.update_time)
                for what in operator.happened
            ],
        )
        operator.happened.clear()


_COLUMNS = (
    "name, version, create_time, update_time, applicant, display_name, kind, contact_person, contact_email, "
    "contact_phone, insurance_expire_time, certificate_number, certificate_expire_time, state, state_reason, "
    "priority_max, priority_reason"
)
_PLACEHOLDERS = ", ".join(f"${n}" for n in range(1, len(_COLUMNS.split(", ")) + 1))


def _row(operator: Operator) -> tuple[object, ...]:
    profile = operator.profile
    return (
        operator.name,
        operator.version,
        operator.create_time,
        operator.update_time,
        operator.applicant,
        profile.display_name,
        operator.kind,
        profile.contact_person,
        profile.contact_email,
        profile.contact_phone,
        profile.insurance_expire_time,
        profile.certificate_number,
        profile.certificate_expire_time,
        operator.state,
        operator.state_reason,
        operator.priority_max,
        operator.priority_reason,
    )


def _operator(row: asyncpg.Record, identifiers: Sequence[Identifier]) -> Operator:
    return Operator(
        name=row["name"],
        kind=text_member(OperatorKind, row["kind"]),
        identifiers=tuple(identifiers),
        applicant=row["applicant"],
        profile=OperatorProfile(
            display_name=row["display_name"],
            contact_person=row["contact_person"],
            contact_email=row["contact_email"],
            contact_phone=row["contact_phone"],
            insurance_expire_time=row["insurance_expire_time"],
            certificate_number=row["certificate_number"],
            certificate_expire_time=row["certificate_expire_time"],
        ),
        create_time=row["create_time"],
        update_time=row["update_time"],
        state=text_member(OperatorState, row["state"]),
        state_reason=row["state_reason"],
        priority_max=number_member(Priority, row["priority_max"]),
        priority_reason=row["priority_reason"],
        version=row["version"],
        happened=[],
    )
