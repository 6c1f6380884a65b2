"""A submission path on a real database by itself, with a clock that a test sets, and what is held there."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import asyncpg
import numpy as np
import shapely

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.db.database import Database
from lowsky.db.idempotency import Request
from lowsky.db.migrations import migrate
from lowsky.errors import LowskyError
from lowsky.events.kafka import Kafka
from lowsky.events.relay import Relay
from lowsky.flightplans.checks.validity import AircraftStanding, OperatorStanding
from lowsky.flightplans.codec.plans import proposal_of, to_message
from lowsky.flightplans.domain.plan import FINAL, FlightPlan, State
from lowsky.flightplans.holding.reserving import Holding
from lowsky.flightplans.postgres.aliases import Aliases
from lowsky.flightplans.postgres.plans import FlightPlanStore
from lowsky.flightplans.postgres.reservations import Reservations, rows_of
from lowsky.flightplans.projections.airspace import Airspace
from lowsky.flightplans.projections.applicable_law import Law
from lowsky.flightplans.projections.areas import Areas
from lowsky.flightplans.projections.standing import Standing
from lowsky.flightplans.submission.submit import Submission, SubmissionPath
from lowsky.geo.heights.altitude import AltitudeBand, Datum, VerticalReference
from lowsky.geo.volumes.height_scales import on_both_scales
from lowsky.geo.volumes.nodes import cover
from lowsky.geo.zones.geozone import Geozone, Layer, Restriction
from lowsky.health import Health
from lowsky.ids import new_id
from lowsky.jurisdictions.flight_rules import RuleSets
from lowsky.priority import Priority
from tests.integration.flightplans.months import At
from tests.support.installation import maintain

START = datetime(2026, 11, 24, 11, 50, tzinfo=UTC)
"""A little before an hour, and before a slice of five minutes."""

INSURED_UNTIL = START + timedelta(days=365)

OPERATORS = ("operators/acme", "operators/rival", "operators/rescue")
FLEET = 1_000
"""Aircraft of each."""

AIRBORNE = "RESCINDED, airborne"
"""The state of a plan that was rescinded while its flight was in progress, until it is down: it holds its airspace."""

_DUMMY = Geozone(
    "far", "CHN", (), Restriction.PROHIBITED,
    (Layer(shapely.box(0, 80, 0.1, 80.1), AltitudeBand(0, Datum.AGL, 1, Datum.AGL)),),
)  # fmt: skip


def drone(operator: str, number: int) -> str:
    """One of the aircraft of an operator."""
    return f"{operator}/aircraft/a{number % FLEET}"


_numbers = itertools.count()


def a_drone(operator: str) -> str:
    """Another aircraft of an operator each time, as long as its fleet lasts."""
    return drone(operator, next(_numbers))


@dataclass
class Path:
    """One worker, or several, each with what it keeps in memory."""

    url: str
    database: Database
    connection: asyncpg.Connection
    reference: VerticalReference
    clock: At
    workers: Sequence[SubmissionPath]
    aliases: Aliases
    names: list[str] = field(default_factory=list)
    """Of all that were submitted."""

    async def submit(
        self, *flights: tuple[str, pb.FlightPlan], worker: int = 0, dry_run: Sequence[bool] = ()
    ) -> list[pb.FlightPlan | LowskyError]:
        """A batch of flights of operators: the plans as they were answered, or why they were refused."""
        batch = [
            Submission(
                Request(operator, uuid4(), b"digest"),
                proposal_of(operator, plan),
                "" if dry else f"{operator}/flightPlans/{new_id()}",
                dry,
            )
            for (operator, plan), dry in zip(flights, dry_run or [False] * len(flights), strict=True)
        ]
        self.names += [one.name for one in batch]
        outcomes = await self.workers[worker].submit(batch)
        return [
            one if isinstance(one, LowskyError) else pb.SubmitFlightPlanResponse.FromString(one).flight_plan
            for one in outcomes
        ]

    async def move(self, name: str, make: Callable[[FlightPlan], None]) -> FlightPlan:
        """As an operator or approvals would."""
        async with self.database.transaction() as connection:
            store = FlightPlanStore(connection)
            plan = await store.get(name, lock=True)
            make(plan)
            await store.save([plan])
        return plan

    async def plan(self, name: str) -> FlightPlan:
        async with self.database.connection() as connection:
            return await FlightPlanStore(connection).get(name)

    async def states(self) -> Mapping[str, str]:
        """Of all plans, by name: a State, or AIRBORNE."""
        rows = await self.connection.fetch("SELECT id, operator, state, airborne FROM flight_plans")
        assert all(row["state"] == State.RESCINDED for row in rows if row["airborne"])
        return {
            f"{row['operator']}/flightPlans/{row['id']}": AIRBORNE if row["airborne"] else State(row["state"])
            for row in rows
        }

    async def check_what_is_held(self) -> None:
        """Plans hold something exactly while they are not over, and `reserved` says where, in each of its nodes."""
        states = {name.rpartition("/")[2]: state for name, state in (await self.states()).items()}
        reservations = {row["plan"]: row for row in await self.connection.fetch("SELECT * FROM reservations")}
        assert {str(plan) for plan in reservations} == {id_ for id_, state in states.items() if state not in FINAL}
        reserved: dict[UUID, list[tuple[int, ...]]] = {}
        for row in await self.connection.fetch("SELECT * FROM reserved ORDER BY plan, node"):
            held = reservations[row["plan"]]
            assert (row["priority"], row["revision"]) == (held["priority"], held["revision"])
            reserved.setdefault(row["plan"], []).append((row["node"], *list(row)[4:]))
        assert reserved.keys() == reservations.keys()
        kept = await Reservations(self.connection).volumes(list(reservations))
        for plan, row in reservations.items():
            _, volumes = kept[plan]
            boxes = shapely.bounds(volumes.outlines).reshape(-1, 4)
            nodes = cover(volumes, on_both_scales(volumes.altitudes, boxes, self.reference))
            assert row["nodes"] == nodes.node.tolist()
            expected = np.column_stack([nodes.node, rows_of(nodes)])
            assert reserved[plan] == [tuple(each) for each in expected.tolist()]
            assert row["time_end"] == datetime.fromtimestamp(float(volumes.end_s.max()), UTC)
            assert row["time_start"] == datetime.fromtimestamp(float(volumes.start_s.min()), UTC)


@asynccontextmanager
async def new_database(server_url: str) -> AsyncIterator[str]:
    """The URL of one of flightplans, without plans."""
    name = f"t{secrets.token_hex(5)}"
    await maintain(server_url, f'CREATE DATABASE "{name}"')
    url = urlsplit(server_url)._replace(path=f"/{name}").geturl()
    await migrate(url, "flightplans")
    yield url
    await maintain(server_url, f'DROP DATABASE "{name}" WITH (FORCE)')


@asynccontextmanager
async def opened(url: str, reference: VerticalReference, workers: int = 1) -> AsyncIterator[Path]:
    """On a database that has been migrated."""
    standing = Standing()
    for operator in OPERATORS:
        standing.learn_operator(
            operator, OperatorStanding("VERIFIED", INSURED_UNTIL, Priority.STATE, kind="NATURAL_PERSON")
        )
        for number in range(FLEET):
            standing.learn_aircraft(drone(operator, number), AircraftStanding(True, 300.0, None, "MICRO"))
    clock, health = At(START), Health()
    connection = await asyncpg.connect(url, server_settings={"search_path": "flightplans", "timezone": "UTC"})
    airspace, areas = Airspace(health), Areas()
    airspace.zone_published("datasets/d", "geozones/d.far", _DUMMY)
    airspace.dataset_imported("datasets/d", 1, 1)
    keeping = asyncio.create_task(airspace.keep_index())
    async with Database.open(url, schema="flightplans", pool_size=2 * workers) as database:
        relay = Relay(database, Kafka("nowhere:1"), health)
        await airspace.newer_than(0)
        paths = [
            SubmissionPath(
                database=database,
                relay=relay,
                clock=clock,
                standing=standing,
                airspace=airspace,
                areas=areas,
                reference=reference,
                to_answer=_answer,
                holding=Holding(reference),
                law=Law(RuleSets.read("CHN"), areas),
            )
            for _ in range(workers)
        ]
        yield Path(url, database, connection, reference, clock, paths, await Aliases.kept(connection))
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    await connection.close()


def _answer(plan: FlightPlan) -> bytes:
    return pb.SubmitFlightPlanResponse(flight_plan=to_message(plan)).SerializeToString()


async def emptied(path: Path) -> None:
    """Nothing was ever submitted, and it is the beginning again."""
    await path.connection.execute("TRUNCATE flight_plans, reservations, reserved, requests, outbox")
    path.names.clear()
    path.clock.time = START
    for each in path.workers:
        each._holding._shelf = type(each._holding._shelf)(64)  # small, so that it is changed often
