"""What may overlap a plan, among all that is held: by nodes, and by what one would do without them, on the same data.

    nodes     Reservations.near
    boxes     a row a volume, GiST on its box in the plane (as PostGIS would have it), time and altitude compared in SQL
    pairwise  all plans whose times may overlap are fetched

Each is followed by the same exact test, and all must find the same conflicts. "In SQL" is what the server says that it
took; "search" is until the rows are here.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from uuid import UUID

import asyncpg
import numpy as np
import shapely
from rich.table import Table

from lowsky.flightplans.postgres.reservations import Reservations
from lowsky.geo.heights.altitude import ANYWHERE
from lowsky.geo.volumes.height_scales import on_both_scales
from lowsky.geo.volumes.nodes import Cover, cover
from lowsky.geo.volumes.stored_volumes import Run, StoredVolumes
from lowsky.geo.volumes.trajectory import Trajectory
from lowsky.geo.volumes.volumes import Volumes, corridors
from tests.bench.measuring import size

BATCH = 64
SINGLE, BATCHES, PAIRWISE = size((300, 30, 40), (10, 3, 3))
"""How many questions; pairwise takes long."""

LONGEST_S = 600
"""Of all flights here: plans are found by their end, and none began earlier before it."""

BOXES = """CREATE TABLE boxes (plan uuid NOT NULL, start_ms bigint NOT NULL, end_ms bigint NOT NULL,
                               lower_m float8 NOT NULL, upper_m float8 NOT NULL, box box NOT NULL)"""

BOXES_INDEX = "CREATE INDEX ON boxes USING gist (box)"

NEAR_BY_BOXES = """
    SELECT DISTINCT q.place, b.plan
    FROM unnest($1::integer[], $2::bigint[], $3::bigint[], $4::float8[], $5::float8[], $6::float8[], $7::float8[],
                $8::float8[], $9::float8[]) AS q (place, start_ms, end_ms, lower_m, upper_m, west, south, east, north)
    JOIN boxes b ON b.box && box(point(q.west, q.south), point(q.east, q.north))
         AND b.start_ms < q.end_ms AND b.end_ms > q.start_ms AND b.lower_m < q.upper_m AND b.upper_m > q.lower_m"""

NEAR_BY_TIME = "SELECT plan FROM reservations WHERE time_end > to_timestamp($1) AND time_end < to_timestamp($2)"

Pair = tuple[int, UUID]
"""The place of who asks, and a plan that is held."""


@dataclass(frozen=True, eq=False)
class Question:
    """Plans that are to fly."""

    volumes: Volumes
    cover: Cover
    count: int

    @classmethod
    def of(cls, flown: Sequence[Trajectory]) -> Question:
        volumes = corridors(flown)
        heights = on_both_scales(volumes.altitudes, shapely.bounds(volumes.outlines), ANYWHERE)
        return cls(volumes, cover(volumes, heights), len(flown))


class Explained:
    """A connection that tells how long the server takes for a statement, in place of its rows."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self.server_s = 0.0

    async def fetch(self, query: str, *values: object) -> list[asyncpg.Record]:
        rows = await self._connection.fetch("EXPLAIN (ANALYZE, TIMING OFF) " + query, *values)
        self.server_s = float(rows[-1][0].removeprefix("Execution Time: ").removesuffix(" ms")) / 1e3
        return []


Fetching = asyncpg.Connection | Explained


async def by_nodes(connection: Fetching, asked: Question) -> list[Pair]:
    return [(held.index, held.plan) for held in await Reservations(connection).near(asked.cover)]  # type: ignore[arg-type]  # it only fetches


async def by_boxes(connection: Fetching, asked: Question) -> list[Pair]:
    volumes = asked.volumes
    times = [(np.asarray(side) * 1e3).astype(np.int64).tolist() for side in (volumes.start_s, volumes.end_s)]
    sides = shapely.bounds(volumes.outlines).T.tolist()
    rows = await connection.fetch(
        NEAR_BY_BOXES, volumes.owner.tolist(), *times, volumes.lower_m.tolist(), volumes.upper_m.tolist(), *sides
    )
    return [(row["place"], row["plan"]) for row in rows]


async def pairwise(connection: Fetching, asked: Question) -> list[Pair]:
    found = []
    for place in range(asked.count):
        its = asked.volumes.of_owner(place)
        rows = await connection.fetch(NEAR_BY_TIME, its.start_s.min(), its.end_s.max() + LONGEST_S)
        found += [(place, row["plan"]) for row in rows]
    return found


WAYS: dict[str, Callable[[Fetching, Question], Awaitable[list[Pair]]]] = {
    "nodes": by_nodes,
    "boxes": by_boxes,
    "pairwise": pairwise,
}


@dataclass
class Search:
    """One way, asked with so many plans at once; times of each question in seconds."""

    held: str
    way: str
    at_once: int
    search_s: list[float] = field(default_factory=list)
    server_s: list[float] = field(default_factory=list)
    """What the server took of another such search, just before or just after."""
    read_s: list[float] = field(default_factory=list)
    exact_s: list[float] = field(default_factory=list)
    candidates: int = 0
    conflicts: int = 0

    def ms_a_plan(self, times_s: Sequence[float], percent: int = 50) -> float:
        times = times_s if len(times_s) > 1 else [*times_s, *times_s]
        return 1e3 * statistics.quantiles(times, n=100, method="inclusive")[percent - 1] / self.at_once

    @property
    def plans(self) -> int:
        return self.at_once * len(self.search_s)

    def as_dict(self) -> dict[str, object]:
        parts = {"search": self.search_s, "server": self.server_s, "read": self.read_s, "exact": self.exact_s}
        told = {key: value for key, value in asdict(self).items() if not key.endswith("_s")}
        for name, times_s in parts.items():
            told |= {f"{name}_p50_ms": round(self.ms_a_plan(times_s), 4)}
            told |= {f"{name}_p99_ms": round(self.ms_a_plan(times_s, 99), 4)}
        return told | {"plans": self.plans}


async def search(
    connection: asyncpg.Connection, held: str, fly: Callable[[int], list[Trajectory]], pairs: int = PAIRWISE
) -> list[Search]:
    """All ways in turns, one plan at a time and in batches.

    Args:
        fly: So many flights that nobody has asked for yet.
        pairs: So many of the questions are put pairwise too.
    """
    single = {way: Search(held, way, 1) for way in WAYS}
    batched = {way: Search(held, way, BATCH) for way in ("nodes", "boxes")}
    for searches, questions in ((single, SINGLE), (batched, BATCHES)):
        for n in range(questions):
            asked = Question.of(fly(next(iter(searches.values())).at_once))
            answers = {
                way: await _ask(connection, each, asked)
                for way, each in searches.items()
                if way != "pairwise" or n < pairs
            }
            assert len(set(map(frozenset, answers.values()))) == 1, f"they do not agree: {answers}"
            await asyncio.sleep(0)
    return [*single.values(), *batched.values()]


async def _ask(connection: asyncpg.Connection, of: Search, asked: Question) -> set[Pair]:
    """Those that really overlap."""
    explained = Explained(connection)
    first = len(of.search_s) % 2 == 0
    if first:  # whoever comes second finds warm pages
        await WAYS[of.way](explained, asked)
    begun = time.perf_counter()
    pairs = await WAYS[of.way](connection, asked)
    found = time.perf_counter()
    if not first:
        await WAYS[of.way](explained, asked)
    of.server_s.append(explained.server_s)
    begun_to_read = time.perf_counter()
    held = await Reservations(connection).volumes({plan for _, plan in pairs})
    stored = StoredVolumes(len(asked.volumes) + sum(len(its) for _, its in held.values()))
    firsts = np.searchsorted(asked.volumes.owner, np.arange(asked.count + 1)) + stored.add(asked.volumes)
    runs = {plan: Run(stored.add(its), len(its)) for plan, (_, its) in held.items()}
    read = time.perf_counter()
    ours = [Run(int(firsts[place]), int(firsts[place + 1] - firsts[place])) for place, _ in pairs]
    overlaps = stored.overlaps(ours, [runs[plan] for _, plan in pairs], ANYWHERE)
    conflicts = {pairs[n] for n in overlaps.pair.tolist()}
    done = time.perf_counter()
    of.search_s.append(found - begun)
    of.read_s.append(read - begun_to_read)
    of.exact_s.append(done - read)
    of.candidates += len(pairs)
    of.conflicts += len(conflicts)
    return conflicts


def table(searches: Sequence[Search]) -> Table:
    """Each way beside the others, on the same data."""
    rows = Table(title="Conflict search, plans of 18 volumes: ms a plan", title_justify="left")
    for heading in (
        "held", "by", "at once", "plans", "in SQL p50", "p99", "× nodes", "search p50", "p99", "read p50", "exact p50",
        "all p50 × nodes", "candidates a plan", "conflicts a plan",
    ):  # fmt: skip
        rows.add_column(heading, justify="left" if heading in ("held", "by") else "right")
    for each in searches:
        base = next(s for s in searches if (s.held, s.way, s.at_once) == (each.held, "nodes", each.at_once))
        search_ms, read_ms, exact_ms = (each.ms_a_plan(times) for times in (each.search_s, each.read_s, each.exact_s))
        whole = sum(base.ms_a_plan(times) for times in (base.search_s, base.read_s, base.exact_s))
        rows.add_row(
            each.held,
            each.way,
            str(each.at_once),
            str(each.plans),
            f"{each.ms_a_plan(each.server_s):.3f}",
            f"{each.ms_a_plan(each.server_s, 99):.3f}",
            f"{each.ms_a_plan(each.server_s) / base.ms_a_plan(base.server_s):.1f}",
            f"{search_ms:.3f}",
            f"{each.ms_a_plan(each.search_s, 99):.3f}",
            f"{read_ms:.3f}",
            f"{exact_ms:.3f}",
            f"{(search_ms + read_ms + exact_ms) / whole:.1f}",
            f"{each.candidates / each.plans:.2f}",
            f"{each.conflicts / each.plans:.2f}",
        )
    return rows
