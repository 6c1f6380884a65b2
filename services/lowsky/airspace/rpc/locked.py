"""A mutation of the airspace, done once, under the lock of the airspace."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from google.protobuf.message import Message

from lowsky.airspace.postgres.datasets import IMPORT_S, DatasetStore
from lowsky.db.database import Connection, Database
from lowsky.db.idempotency import Request, earlier_answer, keep_answers
from lowsky.events.relay import Relay

_Response = TypeVar("_Response", bound=Message)


async def once_locked(
    database: Database,
    relay: Relay,
    request: Request,
    response_type: type[_Response],
    work: Callable[[Connection, int], Awaitable[_Response]],
) -> _Response:
    """As lowsky.rpc.once, for work that needs the current revision of the airspace.

    The airspace lock is taken before the request id is recorded, in all mutations alike, to avoid deadlocks: a second
    call with this id waits for the lock, as long as an import may take.
    """
    async with database.transaction(statement_s=IMPORT_S) as connection:
        revision = await DatasetStore(connection).lock_airspace()
        kept = await earlier_answer(connection, request)
        if kept is not None:
            return response_type.FromString(kept)
        response = await work(connection, revision)
        await keep_answers(connection, [(request, response.SerializeToString())])
    relay.wake()
    return response
