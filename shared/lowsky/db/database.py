"""The database of one service: a pool whose connections live in the service's own schema."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager

import asyncpg

from lowsky.errors import Unavailable

CONNECT_TIMEOUT_S = 5.0
ACQUIRE_TIMEOUT_S = 5.0
"""Longer than any queue of a healthy worker; then the caller hears UNAVAILABLE and may try another worker."""

STATEMENT_TIMEOUT_MS = 10_000
LOCK_TIMEOUT_MS = 5_000
IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000
"""A transaction that its worker forgot must not hold locks for ever."""

_AWAY = (
    OSError,
    asyncio.TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the server ended the session between two statements
    asyncpg.OperatorInterventionError,  # shut down, crashed, statement cancelled by timeout
    asyncpg.InsufficientResourcesError,
    asyncpg.ObjectNotInPrerequisiteStateError,  # lock not available in time
    asyncpg.TransactionRollbackError,  # serialisation failure, deadlock
    asyncpg.ReadOnlySQLTransactionError,  # a standby, until the failover is over
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InvalidCachedStatementError,  # a migration changed its table: the next try prepares it anew
)

Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy
"""What statements run on."""


@contextmanager
def unavailable_when_away() -> Iterator[None]:
    """Turns what a lost, overloaded or restarting database raises into Unavailable. Driver text goes no further."""
    try:
        yield
    except _AWAY as error:
        # A value that its column cannot hold: asyncpg finds that itself, and no retry helps.
        if isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError):
            raise
        raise Unavailable("DATABASE_UNAVAILABLE", "the database does not answer", retry_after_s=1.0) from error


def array(values: Iterable[int]) -> str:
    """Whole numbers as the text of an array, for `$1::text::bigint[]`: a tenth of what arrays take that are encoded
    element by element."""
    return "{" + ",".join(map(str, values)) + "}"


class _Session(asyncpg.Connection):
    """Goes back to the pool as it is, on one way to the database less: whoever sets or locks something for longer than
    a transaction takes it back. An open transaction is rolled back all the same."""

    def get_reset_query(self) -> str:
        return ""


class Database:
    """Transactions in one schema. One task per connection."""

    def __init__(self, pool: asyncpg.Pool, schema: str) -> None:
        self._pool = pool
        self.schema = schema

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, *, schema: str, pool_size: int = 10) -> AsyncIterator[Database]:
        """Connects lazily: a database that is away at start is waited for by the health check, not died of."""
        if not re.fullmatch(r"[a-z_]{1,40}", schema):
            raise ValueError(f"not a schema name: {schema!r}")
        pool = asyncpg.create_pool(
            url,
            min_size=0,
            max_size=pool_size,
            timeout=CONNECT_TIMEOUT_S,
            connection_class=_Session,
            server_settings={
                "search_path": schema,
                "application_name": f"lowsky-{schema}",
                "jit": "off",  # it compiles for longer than our statements run
                "enable_seqscan": "off",  # a plan kept since a table was small would go on reading all of it
                "timezone": "UTC",
                "statement_timeout": str(STATEMENT_TIMEOUT_MS),
                "lock_timeout": str(LOCK_TIMEOUT_MS),
                "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_TIMEOUT_MS),
            },
        )
        async with pool:
            try:
                yield cls(pool, schema)
            finally:
                pool.terminate()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy]:
        """A connection within a transaction, committed when the body ends well.

        Raises:
            Unavailable: The database is away. Whether a commit that broke went through is not known: the caller
                sends the same request id again and hears.
        """
        with unavailable_when_away():
            async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection, connection.transaction():
                yield connection

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy]:
        """A connection without a transaction: for reading one statement's answer, and for advisory locks."""
        with unavailable_when_away():
            async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
                yield connection

    async def ping(self) -> None:
        """Asks for nothing.

        Raises:
            Unavailable: The database is away.
        """
        async with self.connection() as connection:
            await connection.fetchval("SELECT 1", timeout=3.0)
