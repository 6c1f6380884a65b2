"""Which faults of the database mean that it is away for a while, so that everybody waits instead of giving up."""

from __future__ import annotations

import asyncpg
import pytest

from lowsky.db.driver_errors import unavailable_when_away
from lowsky.errors import Unavailable


@pytest.mark.parametrize(
    "fault",
    [
        ConnectionRefusedError(),
        TimeoutError(),
        asyncpg.ConnectionDoesNotExistError(),
        asyncpg.CannotConnectNowError(),
        asyncpg.AdminShutdownError(),
        asyncpg.TooManyConnectionsError(),
        asyncpg.DiskFullError(),
        asyncpg.ReadOnlySQLTransactionError(),
        asyncpg.IdleInTransactionSessionTimeoutError(),
        asyncpg.InvalidCachedStatementError(),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_a_database_that_is_away_is_reported_as_such(fault: Exception) -> None:
    with pytest.raises(Unavailable) as raised, unavailable_when_away():
        raise fault
    assert raised.value.reason == "DATABASE_UNAVAILABLE"


@pytest.mark.parametrize(
    "fault",
    [
        asyncpg.QueryCanceledError(),
        asyncpg.DeadlockDetectedError(),
        asyncpg.SerializationError(),
        asyncpg.LockNotAvailableError(),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_waiting_for_others_is_not_an_outage(fault: Exception) -> None:
    with pytest.raises(Unavailable) as raised, unavailable_when_away():
        raise fault
    assert raised.value.reason == "DATABASE_BUSY"


@pytest.mark.parametrize(
    "fault",
    [asyncpg.UniqueViolationError(), asyncpg.UndefinedTableError(), asyncpg.DataError(), ValueError()],
    ids=lambda fault: type(fault).__name__,
)
def test_a_fault_of_a_statement_is_not(fault: Exception) -> None:
    with pytest.raises(type(fault)), unavailable_when_away():
        raise fault
