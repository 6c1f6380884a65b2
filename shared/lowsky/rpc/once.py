"""A mutation, done once: its effect, its events and its answer commit together, under the caller's request id.

A request is known again by its canonical form (lowsky.canonical), under the caller's subject and the authority that the
caller acts for. The answer is given again only to a caller who may still have it: roles, and the operator or authority
that the request names, are judged at every call before anything is looked up (rpc/pipeline.py, and the service where
AUTHORITY is in reach); what depends on stored data is judged by `still_visible`.

Request ids belong to a subject. Another subject who sends the same request with the same id, of the same operator too,
has it done once more as a request of their own: neither learns of the other's answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar, cast

from google.protobuf.message import Message

from lowsky.auth.access import current_access
from lowsky.canonical import canonical
from lowsky.db.database import Connection, Database
from lowsky.db.requests import Request, earlier_answers, keep_answers
from lowsky.errors import RequestIdReused
from lowsky.events.relay import Relay

_Response = TypeVar("_Response", bound=Message)


class Mutation(Protocol):
    """A request message that changes something."""

    request_id: str


def request_of(message: Mutation, beside: bytes = b"") -> Request:
    """The request that a message of the caller's makes.

    Args:
        beside: What it asks for beside the message, as the digest of a file.
    """
    return request_for(message.request_id, type(message), canonical(cast("Message", message)), beside)


def request_for(request_id: str, kind: type[Mutation], *asked: bytes) -> Request:
    """As request_of, of what is asked for in parts that are in canonical form already."""
    access = current_access()
    # An officer who has come to act for another authority asks for something else with the same words.
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
    """Answers a mutation: by doing the work in one transaction, or with the answer that the same request got before.

    Args:
        still_visible: Where it takes stored data to say whether the caller may have an earlier answer: raises NotFound
            where not.

    Raises:
        RequestIdReused: The id came before with another request.
        Unavailable: The database is away; the same request may be sent again.
    """
    request = request_of(message)
    async with database.transaction() as connection:
        (kept,) = await earlier_answers(connection, [request])
        if kept is not None:
            # Before anything else: that it was asked for at all is nothing to a caller whom it does not concern.
            if still_visible is not None:
                await still_visible(connection)
            if isinstance(kept, RequestIdReused):
                raise kept
            return response_type.FromString(kept)
        response = await work(connection)
        await keep_answers(connection, [(request, response.SerializeToString())])
    relay.wake()
    return response
