"""A mutation, done once: its effect, its events and its answer commit together, under the caller's request id.

A repeated request is recognised by its canonical form (lowsky.canonical), the caller's subject and the authority that
the caller acts for. The stored answer is returned only to a caller who may still see it: roles, and the operator or
authority that the request names, are checked at every call before anything is looked up (rpc/pipeline.py, and the
service where AUTHORITY is in reach); what depends on stored data is checked by `still_visible`.

Request ids are scoped to a subject. If another subject sends the same request with the same id, even of the same
operator, it is executed as a separate request: neither sees the other's answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar, cast

from google.protobuf.message import Message

from lowsky.auth.access import current_access
from lowsky.canonical import canonical
from lowsky.db.database import Connection, Database
from lowsky.db.idempotency import Request, earlier_answers, keep_answers
from lowsky.errors import RequestIdReused
from lowsky.events.relay import Relay

_Response = TypeVar("_Response", bound=Message)


class Mutation(Protocol):
    """A request message of a method that changes state."""

    request_id: str


def request_of(message: Mutation, beside: bytes = b"") -> Request:
    """The idempotency key of the caller's request message.

    Args:
        beside: What it asks for in addition to the message, such as the digest of a file.
    """
    return request_for(message.request_id, type(message), canonical(cast("Message", message)), beside)


def request_for(request_id: str, kind: type[Mutation], *asked: bytes) -> Request:
    """As request_of, for parts that are in canonical form already."""
    access = current_access()
    # For an officer who now acts for another authority, the same message is another request.
    parts = [(access.reach.authority or "").encode(), *asked]
    body = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return Request.of(access.caller.subject, request_id, kind.__qualname__, body)


async def once(
    database: Database,
    relay: Relay,
    message: Mutation,
    response_type: type[_Response],
    work: Callable[[Connection], Awaitable[_Response]],
    still_visible: Callable[[Connection], Awaitable[None]] | None = None,
) -> _Response:
    """Executes a mutation in one transaction, or returns the answer that the same request got before.

    Args:
        still_visible: Needed if only stored data shows whether the caller may see an earlier answer: raises NotFound
            if not.

    Raises:
        RequestIdReused: The id came before with another request.
        Unavailable: The database is unavailable; the same request may be sent again.
    """
    request = request_of(message)
    async with database.transaction() as connection:
        (kept,) = await earlier_answers(connection, [request])
        if kept is not None:
            # First of all: a caller whom it does not concern must not even learn that the request was made.
            if still_visible is not None:
                await still_visible(connection)
            if isinstance(kept, RequestIdReused):
                raise kept
            return response_type.FromString(kept)
        response = await work(connection)
        await keep_answers(connection, [(request, response.SerializeToString())])
    relay.wake()
    return response
