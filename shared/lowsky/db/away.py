"""What the driver raises, as callers may see it: the database is away, or others hold what a statement needs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg

from lowsky.errors import Unavailable

_BUSY: Final = (
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,  # the server's statement_timeout
    asyncpg.TransactionRollbackError,  # serialisation failure, deadlock
)

_UNWRITABLE: Final = (
    asyncpg.DiskFullError,
    asyncpg.ReadOnlySQLTransactionError,  # a standby, until the failover is over
)

_AWAY: Final = (
    OSError,
    asyncio.TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the server ended the session between two statements
    asyncpg.OperatorInterventionError,  # shut down, crashed
    asyncpg.InsufficientResourcesError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InvalidCachedStatementError,  # a migration changed its table: the next try prepares it anew
)


class StatementTimedOut(Unavailable):
    """The database did not answer a statement in time; the connection may be half open."""


class CannotWrite(Unavailable):
    """The database answers, and stores nothing."""


@contextmanager
def unavailable_when_away() -> Iterator[None]:
    """Turns what a statement raises of a lost, overloaded or restarting database into Unavailable. Driver text goes no
    further. Put around a statement, never around other work: what that raises is not the database's."""
    try:
        yield
    except _BUSY as error:
        message = "others hold what this call needs for longer than it may wait"
        raise Unavailable("DATABASE_BUSY", message, retry_after_s=0.5) from error
    except _UNWRITABLE as error:
        full = isinstance(error, asyncpg.DiskFullError)
        message = "the database's disk is full" if full else "the database is read-only"
        raise CannotWrite("DATABASE_UNAVAILABLE", message, retry_after_s=5.0) from error
    except TimeoutError as error:
        message = "the database does not answer in time"
        raise StatementTimedOut("DATABASE_UNAVAILABLE", message, retry_after_s=1.0) from error
    except _AWAY as error:
        # A value that its column cannot hold: asyncpg finds that itself, and no retry helps.
        if isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError):
            raise
        raise Unavailable("DATABASE_UNAVAILABLE", "the database does not answer", retry_after_s=1.0) from error
