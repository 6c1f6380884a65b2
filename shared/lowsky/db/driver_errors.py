"""Driver errors as callers may see them: the database is unavailable, or other transactions hold what is needed."""

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
    """The database answers but cannot store anything."""


@contextmanager
def unavailable_when_away() -> Iterator[None]:
    """Turns errors of an unreachable, overloaded or restarting database into Unavailable, without the driver's text.
    Wrap a statement, never other work, whose errors are not the database's."""
    try:
        yield
    except _BUSY as error:
        message = "other calls have locked what this call needs for longer than it may wait"
        raise Unavailable("DATABASE_BUSY", message, retry_after_s=0.5) from error
    except _UNWRITABLE as error:
        full = isinstance(error, asyncpg.DiskFullError)
        message = "the database's disk is full" if full else "the database is read-only"
        raise CannotWrite("DATABASE_UNAVAILABLE", message, retry_after_s=5.0) from error
    except TimeoutError as error:
        message = "the database does not answer in time"
        raise StatementTimedOut("DATABASE_UNAVAILABLE", message, retry_after_s=1.0) from error
    except _AWAY as error:
        # A value that its column cannot hold: asyncpg itself detects it, and no retry helps.
        if isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError):
            raise
        raise Unavailable("DATABASE_UNAVAILABLE", "the database does not answer", retry_after_s=1.0) from error
