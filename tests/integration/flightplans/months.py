"""A database of flightplans by itself, with months of plans in it and a clock that a test sets."""

from __future__ import annotations

from contextvars import Context
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import asyncpg

from lowsky.db.database import Database
from lowsky.flightplans.domain.plan import FlightPlan
from lowsky.flightplans.postgres.partitions import Partitions, partitions
from lowsky.flightplans.postgres.plans import FlightPlanStore
from lowsky.health import Health
from lowsky.ids import least_id

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
RETENTION = timedelta(days=400)


@dataclass
class At:
    """A clock that a test sets."""

    time: datetime = NOW

    def now(self) -> datetime:
        return self.time


@dataclass
class Months:
    """An empty database of flightplans, partitioned since the beginning of 2025."""

    url: str
    database: Database
    connection: asyncpg.Connection
    clock: At = field(default_factory=At)

    @property
    def job(self) -> Partitions:
        return Partitions(database=self.database, clock=self.clock, health=Health(), retention=RETENTION)

    async def names(self) -> list[str]:
        return [partition.name.removeprefix("flight_plans_") for partition in await partitions(self.connection)]

    async def count(self, table: str = "flight_plans") -> int:
        return await count(self.connection, table)


async def count(connection: asyncpg.Connection, table: str) -> int:
    return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))  # noqa: S608


async def connect(url: str) -> asyncpg.Connection:
    return await asyncpg.connect(url, server_settings={"search_path": "flightplans", "timezone": "UTC"})


def plan_made_at(moment: datetime, number: int = 0) -> FlightPlan:
    id_ = f"{least_id(moment)[:-6]}{number:06d}"
    plan = FlightPlan(
        name=f"operators/acme/flightPlans/{id_}",
        operator="operators/acme",
        aircraft="operators/acme/aircraft/a1",
        content=b"",
        start=moment + timedelta(hours=1),
        end=moment + timedelta(hours=2),
        create_time=moment,
        update_time=moment,
    )
    plan.assess([], 1)
    return plan


async def store(connection: asyncpg.Connection, *plans: FlightPlan) -> None:
    async with connection.transaction():
        await FlightPlanStore(connection).add([(plan, Context()) for plan in plans], [])
