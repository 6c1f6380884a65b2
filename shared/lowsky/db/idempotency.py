"""Idempotency: the response of a mutation is stored with the state it made, by caller and request id.

The row is inserted first. A second call with the same id blocks on that insert until the first one's transaction ends;
then it finds the response or, if the first one failed, does the work.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from lowsky.db.database import Connection
from lowsky.errors import RequestIdReused

KEPT_DAYS = 7
"""How long a response is kept: longer than any client retries."""

FORGOTTEN_AT_ONCE = 5_000
"""Rows deleted at once: some tens of milliseconds. A backlog must not delay events or exceed a statement's time-out."""


@dataclass(frozen=True, slots=True)
class Request:
    """A mutation: who sent it, its id, and a digest of what it asks for."""

    caller: str
    request_id: UUID
    digest: bytes

    @classmethod
    def of(cls, caller: str, request_id: str, method: str, body: bytes) -> Request:
        """The id is not case-sensitive. The body is the canonical form of what the request asks for."""
        return cls(caller, UUID(request_id), hashlib.blake2b(method.encode() + b"\0" + body, digest_size=16).digest())


async def earlier_answer(connection: Connection, request: Request) -> bytes | None:
    """The stored response to this same request; None for a new one, which is then recorded in this transaction.

    Raises:
        RequestIdReused: The id came before with another request.
    """
    (answer,) = await earlier_answers(connection, [request])
    if isinstance(answer, RequestIdReused):
        raise answer
    return answer


async def earlier_answers(
    connection: Connection, requests: Sequence[Request], answers: Sequence[bytes] | None = None
) -> list[bytes | RequestIdReused | None]:
    """As earlier_answer for many requests, with errors in the list instead of raised. Ids must be distinct per caller.

    Rows are inserted in order of caller and id, so that two batches never deadlock. Pass the answers to new requests
    if they are known already: they are stored at once; otherwise keep_answers stores them.
    """
    responses = answers if answers is not None else [b""] * len(requests)
    ordered = sorted(zip(requests, responses, strict=True), key=lambda pair: (pair[0].caller, pair[0].request_id))
    inserted = await connection.fetch(
        """INSERT INTO requests (caller, request_id, digest, response)
           SELECT * FROM unnest($1::text[], $2::uuid[], $3::bytea[], $4::bytea[])
           ON CONFLICT DO NOTHING RETURNING caller, request_id""",
        [request.caller for request, _ in ordered],
        [request.request_id for request, _ in ordered],
        [request.digest for request, _ in ordered],
        [response for _, response in ordered],
    )
    if len(inserted) == len(requests):
        return [None] * len(requests)
    new = {(row["caller"], row["request_id"]) for row in inserted}
    old = [request for request in requests if (request.caller, request.request_id) not in new]
    kept = dict(zip(old, await kept_answers(connection, old), strict=True))
    return [kept.get(request) for request in requests]


async def kept_answers(connection: Connection, requests: Sequence[Request]) -> list[bytes | RequestIdReused | None]:
    """The stored responses to requests, an error where an id came with another request; records nothing."""
    rows = await connection.fetch(
        """SELECT caller, request_id, digest, response FROM requests
           JOIN unnest($1::text[], $2::uuid[]) AS r (caller, request_id) USING (caller, request_id)""",
        [request.caller for request in requests],
        [request.request_id for request in requests],
    )
    kept = {(row["caller"], row["request_id"]): row for row in rows}

    def answer(request: Request) -> bytes | RequestIdReused | None:
        row = kept.get((request.caller, request.request_id))
        if row is None:
            return None
        return bytes(row["response"]) if row["digest"] == request.digest else RequestIdReused()

    return [answer(request) for request in requests]


async def keep_answers(connection: Connection, answers: Sequence[tuple[Request, bytes]]) -> None:
    """Stores the responses to requests that earlier_answers recorded in this transaction."""
    await connection.execute(
        """UPDATE requests SET response = r.response
           FROM unnest($1::text[], $2::uuid[], $3::bytea[]) AS r (caller, request_id, response)
           WHERE requests.caller = r.caller AND requests.request_id = r.request_id""",
        [request.caller for request, _ in answers],
        [request.request_id for request, _ in answers],
        [response for _, response in answers],
    )


async def forget_answers(connection: Connection, requests: Sequence[Request]) -> None:
    """Deletes what was recorded of requests in this transaction: they are refused, and may be sent again."""
    await connection.execute(
        """DELETE FROM requests USING unnest($1::text[], $2::uuid[]) AS r (caller, request_id)
           WHERE requests.caller = r.caller AND requests.request_id = r.request_id""",
        [request.caller for request in requests],
        [request.request_id for request in requests],
    )


async def forget_old_answers(connection: Connection) -> bool:
    """Deletes up to FORGOTTEN_AT_ONCE rows older than KEPT_DAYS; returns whether there may be more."""
    deleted = await connection.fetch(
        """DELETE FROM requests WHERE ctid = ANY(ARRAY(
               SELECT ctid FROM requests WHERE created_at < now() - make_interval(days => $1) LIMIT $2))
           RETURNING true""",
        KEPT_DAYS,
        FORGOTTEN_AT_ONCE,
    )
    return len(deleted) == FORGOTTEN_AT_ONCE
