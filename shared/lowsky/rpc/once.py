"""A mutation, done once: its effect, its events and its answer commit together, under the caller's request id."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from google.protobuf.message import Message

from lowsky.auth.access import current_access
from lowsky.db.database import Connection, Database
from lowsky.db.requests import Request, earlier_answer, keep_answers
from lowsky.events.relay import Relay

_Response = TypeVar("_Response", bound=Message)


class Mutation(Protocol):
    """A request message that changes something."""

    request_id: str

    def SerializeToString(self, *, deterministic: bool = ...) -> bytes: ...


def request_of(message: Mutation) -> Request:
    """The request that a message of the caller's makes."""
    body = message.SerializeToString(deterministic=True)
    return Request.of(current_access().caller.subject, message.request_id, type(message).__qualname__, body)


async def once(
    database: Database,
    relay: Relay,
    message: Mutation,
    response_type: type[_Response],
    work: Callable[[Connection], Awaitable[_Response]],
) -> _Response:
    """Answers a mutation: by doing the work in one transaction, or with the answer that the same request got before.

    Raises:
        RequestIdReused: The id came before with another request.
        Unavailable: The database is away; the same request may be sent again.
    """
    request = request_of(message)
    async with database.transaction() as connection:
        kept = await earlier_answer(connection, request)
        if kept is not None:
            return response_type.FromString(kept)
        response = await work(connection)
        await keep_answers(connection, [(request, response.SerializeToString())])
    relay.wake()
    return response
