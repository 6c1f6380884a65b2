"""Either side of each edge of a conflict, asked of the submission path on a real database; and mutants, each of which
some edge finds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
import shapely

import lowsky.flightplans.holding.reserving
import lowsky.geo.shapes.areas_meet
import lowsky.geo.shapes.centre_lines
import lowsky.geo.volumes.stored_volumes
import lowsky.geofence.flight_volumes
from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from lowsky.errors import Invalid, LowskyError
from lowsky.flightplans.checks.conflict import OVER_NAMED_MAX
from lowsky.geo.heights.altitude import Overlap, VerticalReference
from lowsky.geo.volumes.stored_volumes import StoredVolumes
from lowsky.geo.volumes.volumes import corridors
from lowsky.local.stack import Stack
from tests.integration.flightplans.held import OPERATORS, START, Path, a_drone, emptied, new_database, opened
from tests.oracle.cases import moved
from tests.support.plan_contents import contents

REFERENCE = VerticalReference(16.0, 48.0, 9.0, 10.0)
"""Shanghai."""
OURS, THEIRS, _ = OPERATORS
CM = 1e-2 / 111_000
"""A little less than a centimetre, in degrees of latitude."""
HERE = (121.47, 31.23)
T0 = START + timedelta(minutes=10)
"""An hour, where a slice and an area begin."""

AT, CONFLICT = (20.0, 60.0), assessment_pb2.Finding.RULE_CONFLICT


def box(
    west: float = 0, south: float = 0, east: float = 0.002, north: float = 0.002,
    heights: tuple[float, float] = AT, datum: str = "AGL", minutes: tuple[float, float] = (0, 5), at: Any = HERE,
) -> geo_pb2.Volume4D:  # fmt: skip
    """A volume; degrees from a place."""
    corners = [(west, south), (east, south), (east, north), (west, north)]
    return volume([(at[0] + x, at[1] + y) for x, y in corners], heights, datum, minutes)


def volume(
    ring: Sequence[tuple[float, float]], heights: tuple[float, float], datum: str, minutes: tuple[float, float]
) -> geo_pb2.Volume4D:
    number = geo_pb2.AltitudeDatum.Value(f"ALTITUDE_DATUM_{datum}")
    message = geo_pb2.Volume4D(
        outline_polygon=geo_pb2.Polygon(vertices=[geo_pb2.LatLng(longitude=_turned(x), latitude=y) for x, y in ring]),
        altitude=geo_pb2.AltitudeBand(lower_m=heights[0], lower_datum=number, upper_m=heights[1], upper_datum=number),
    )
    message.time_start.FromDatetime(T0 + timedelta(minutes=minutes[0]))
    message.time_end.FromDatetime(T0 + timedelta(minutes=minutes[1]))
    return message


def triangle(*corners: tuple[float, float]) -> pb.FlightPlan:
    return ready(volume([(HERE[0] + x, HERE[1] + y) for x, y in corners], AT, "AGL", (0, 5)))


def _turned(longitude: float) -> float:
    return longitude - 360.0 if longitude > 180.0 else longitude


def ready(*volumes: geo_pb2.Volume4D, **fields: Any) -> pb.FlightPlan:
    return plan(volumes=assessment_pb2.Volumes(volumes=volumes), **fields)


def legs(
    *places: tuple[float, float], buffer_m: float = 20, height_m: float = 50, minute: float = 0, **fields: Any
) -> pb.FlightPlan:
    """A minute a leg, above ground, 10 m above and below."""
    trajectory = assessment_pb2.Trajectory(horizontal_buffer_m=buffer_m, vertical_buffer_m=10)
    trajectory.time_buffer.FromTimedelta(timedelta(0))
    trajectory.departure_time.FromDatetime(T0 + timedelta(minutes=minute))
    for n, (longitude, latitude) in enumerate(places):
        trajectory.waypoints.add(
            longitude=_turned(longitude),
            latitude=latitude,
            altitude_m=height_m,
            altitude_datum=geo_pb2.ALTITUDE_DATUM_AGL,
            offset_s=60 * n,
        )
    return plan(trajectory=trajectory, **fields)


def plan(**fields: Any) -> pb.FlightPlan:
    return pb.FlightPlan(**{**contents(), **fields})


def place(east_m: float, north_m: float) -> tuple[float, float]:
    return moved(moved(HERE, 90, east_m), 0, north_m)


def beside(apart_m: float) -> pb.FlightPlan:
    """A leg northwards, whose buffer of 20 m ends so far from that of WEST_LEG."""
    return legs(place(40 + apart_m, 0), place(40 + apart_m, 300))


def ahead(apart_m: float) -> pb.FlightPlan:
    """A leg that begins where WEST_LEG ends, their buffers so far apart."""
    return legs(place(0, 340 + apart_m), place(0, 640))


def diagonal(apart_m: float) -> pb.FlightPlan:
    """A leg away from the end of WIDE_LEG, where a corner of its cap is, their buffers so far apart."""
    start = moved(place(0, 300), 37.5, 1000 + apart_m)
    return legs(start, moved(start, 37.5, 300), buffer_m=500)


def disc(east_m: float, north_m: float = 0) -> geo_pb2.Volume4D:
    """A circle of 100 m."""
    message = box()
    longitude, latitude = place(east_m, north_m)
    message.outline_circle.center.longitude, message.outline_circle.center.latitude = longitude, latitude
    message.outline_circle.radius_m = 100.0
    return message


def square(east_m: float) -> pb.FlightPlan:
    """A polygon beside WEST_LEG."""
    ring = [place(east_m, 100), place(east_m + 50, 100), place(east_m + 50, 200), place(east_m, 200)]
    return ready(volume(ring, AT, "AGL", (0, 5)))


def wedge(apart_m: float) -> pb.FlightPlan:
    """A polygon of which a corner points to the end of WIDE_LEG."""
    corner = moved(place(0, 300), 37.5, 500 + apart_m)
    return ready(volume([corner, moved(corner, 27.5, 100), moved(corner, 47.5, 100)], AT, "AGL", (0, 5)))


def early(volume: geo_pb2.Volume4D) -> geo_pb2.Volume4D:
    """The same, 100 ns earlier: times are kept to the microsecond, and never so that a flight seems shorter."""
    volume.time_start.FromNanoseconds(volume.time_start.ToNanoseconds() - 100)
    return volume


WEST_LEG = legs(place(0, 0), place(0, 300))
WIDE_LEG = legs(place(0, 0), place(0, 300), buffer_m=500)
MICRO = 1 / 60e6
"""A microsecond, in minutes."""


@dataclass(frozen=True)
class Edge:
    """Two flights, one after the other, and whether the second one is in conflict with the first."""

    claim: str
    first: pb.FlightPlan
    second: pb.FlightPlan
    conflict: bool
    uncertain: bool = False


FIVE_HUNDRED = [box(0.003 * (n % 25), 0.003 * (n // 25), 0.003 * (n % 25) + 0.002, 0.003 * (n // 25) + 0.002)
                for n in range(500)]  # fmt: skip
GAP = box(0.0021, 0.0021, 0.0029, 0.0029)
MERIDIAN = (179.999, -16.8)

EDGES = (
    Edge("a centimetre apart", ready(box()), ready(box(south=0.002 + CM, north=0.004)), False),
    Edge("overlapping by a centimetre", ready(box()), ready(box(south=0.002 - CM, north=0.004)), True),
    Edge("sharing a side", ready(box()), ready(box(south=0.002, north=0.004)), False),
    Edge(
        "sharing a slanting side",
        triangle((0, 0), (0.002, 0), (0, 0.002)),
        triangle((0.002, 0), (0.002, 0.002), (0, 0.002)),
        False,
    ),
    Edge("sharing a corner", ready(box()), ready(box(0.002, 0.002, 0.004, 0.004)), False),
    Edge("legs that overlap by a centimetre", WEST_LEG, beside(-0.01), True),
    Edge("legs a centimetre apart", WEST_LEG, beside(0.01), False),
    Edge("in line, overlapping by a centimetre", WEST_LEG, ahead(-0.01), True),
    Edge("in line, a centimetre apart", WEST_LEG, ahead(0.01), False),
    Edge("round the corner by a centimetre", WIDE_LEG, diagonal(-0.01), True),
    Edge("a centimetre from round the corner", WIDE_LEG, diagonal(0.01), False),
    Edge("circles that overlap by a centimetre", ready(disc(0)), ready(disc(199.99)), True),
    Edge("circles a centimetre apart", ready(disc(0)), ready(disc(200.01)), False),
    Edge("a leg a centimetre into a circle", WEST_LEG, ready(disc(119.99, 100)), True),
    Edge("a leg a centimetre from a circle", WEST_LEG, ready(disc(120.01, 100)), False),
    Edge("a leg a centimetre into a polygon", WEST_LEG, square(19.99), True),
    Edge("a leg a centimetre from a polygon", WEST_LEG, square(20.01), False),
    Edge("the end of a leg a centimetre into a corner", WIDE_LEG, wedge(-0.01), True),
    Edge("the end of a leg a centimetre from a corner", WIDE_LEG, wedge(0.01), False),
    Edge("a hundred nanoseconds too early", ready(box()), ready(early(box(minutes=(5, 10)))), True),
    Edge("one on top of the other", ready(box()), ready(box(heights=(60.0, 90.0))), False),
    Edge("a centimetre into the one above", ready(box()), ready(box(heights=(59.99, 90.0))), True),
    Edge("one after the other", ready(box()), ready(box(minutes=(5, 10))), False),
    Edge("a microsecond too early", ready(box()), ready(box(minutes=(5 - MICRO, 10))), True),
    Edge("one after the other, elsewhere in a slice", ready(box(minutes=(0, 2))), ready(box(minutes=(2, 4))), False),
    Edge("identical", ready(box()), ready(box()), True),
    Edge("identical flights", WEST_LEG, WEST_LEG, True),
    Edge("crossing without a shared vertex", ready(box(-0.01, 0.0005, 0.01, 0.001)), ready(box(north=0.01)), True),
    Edge("legs that cross", WEST_LEG, legs(place(-150, 150), place(150, 150)), True),
    Edge("legs that cross at different times", WEST_LEG, legs(place(-150, 150), place(150, 150), minute=1), False),
    Edge("within the other", ready(box(-1, -1, 1, 1)), ready(box()), True),
    Edge("around the other", ready(box()), ready(box(-1, -1, 1, 1)), True),
    Edge("within the next area of the other", ready(box(-3, -3, 3, 3)), ready(box(2.9, 2.9, 2.901, 2.901)), True),
    Edge("across the antimeridian", ready(box(at=MERIDIAN)), ready(box(0.0012, 0, 0.003, 0.002, at=MERIDIAN)), True),
    Edge(
        "on the two sides of the antimeridian",
        ready(volume([(179.9, 0.0), (180.0, 0.0), (180.0, 0.1), (179.9, 0.1)], AT, "AGL", (0, 5))),
        ready(volume([(-180.0, 0.0), (-179.9, 0.0), (-179.9, 0.1), (-180.0, 0.1)], AT, "AGL", (0, 5))),
        False,
    ),
    Edge("over the antimeridian", legs((179.99, 10.0), (180.01, 10.0)), legs((-180.0, 9.99), (-180.0, 10.01)), True),
    Edge("one volume among five hundred", ready(*FIVE_HUNDRED), ready(box(0.0365, 0.0305, 0.0366, 0.0306)), True),
    Edge("five hundred around one", ready(box(0.0365, 0.0305, 0.0366, 0.0306)), ready(*FIVE_HUNDRED), True),
    Edge("in a gap between five hundred", ready(*FIVE_HUNDRED), ready(GAP), False),
    Edge("two datums for certain", ready(box()), ready(box(heights=(60.0, 70.0), datum="AMSL")), True),
    Edge("two datums perhaps", ready(box()), ready(box(heights=(100.0, 120.0), datum="AMSL")), True, True),
    Edge("above whatever the ground", ready(box()), ready(box(heights=(108.0, 120.0), datum="AMSL")), False),
    Edge("below whatever the ground", ready(box()), ready(box(heights=(0.0, 36.0), datum="AMSL")), False),
    Edge("another geoid", ready(box(datum="AMSL")), ready(box(heights=(69.5, 80.0), datum="WGS84")), True, True),
    Edge("above whatever the geoid", ready(box(datum="AMSL")), ready(box(heights=(70.0, 80.0), datum="WGS84")), False),
    Edge("two take-off points", ready(box(datum="TAKEOFF")), ready(box(heights=(80, 90), datum="TAKEOFF")), True, True),
    Edge("above both take-offs", ready(box(datum="TAKEOFF")), ready(box(heights=(92, 99), datum="TAKEOFF")), False),
)  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def path(infrastructure: Stack) -> AsyncIterator[Path]:
    async with new_database(infrastructure.database_url) as url, opened(url, REFERENCE) as path:
        yield path


def of(operator: str, flight: pb.FlightPlan) -> tuple[str, pb.FlightPlan]:
    said = pb.FlightPlan()
    said.CopyFrom(flight)
    said.aircraft = a_drone(operator)
    return operator, said


async def holds(path: Path, edge: Edge, *, at_once: bool = False) -> bool:
    """Whether it is as the edge says."""
    await emptied(path)
    if at_once:
        first, second = await path.submit(of(OURS, edge.first), of(THEIRS, edge.second))
    else:
        (first,) = await path.submit(of(OURS, edge.first))
        (second,) = await path.submit(of(THEIRS, edge.second))
    assert isinstance(first, pb.FlightPlan), first
    assert isinstance(second, pb.FlightPlan), second
    assert first.state == pb.STATE_SUBMITTED
    conflicts = [finding for finding in second.findings if finding.rule == CONFLICT]
    assert bool(conflicts) == (second.state == pb.STATE_REJECTED)
    if not edge.conflict:
        return not conflicts
    return len(conflicts) == 1 and conflicts[0].altitude_uncertain is edge.uncertain


@pytest.mark.parametrize("edge", EDGES, ids=lambda edge: edge.claim)
async def test_a_conflict_is_found_on_this_side_of_the_edge_alone(path: Path, edge: Edge) -> None:
    assert await holds(path, edge)
    await path.check_what_is_held()
    assert await holds(path, Edge(edge.claim, edge.second, edge.first, edge.conflict, edge.uncertain))
    assert await holds(path, edge, at_once=True)
    await path.check_what_is_held()


def _add(change: Callable[[StoredVolumes, slice], None]) -> Callable[..., int]:
    genuine = StoredVolumes.add

    def add(self: StoredVolumes, volumes: Any) -> int:
        first = genuine(self, volumes)
        change(self, slice(first, first + len(volumes)))
        return first

    return add


def _time_ignored(stored: StoredVolumes, at: slice) -> None:
    stored.start_s[at], stored.end_s[at] = 0.0, 4e9


def _closed_times(stored: StoredVolumes, at: slice) -> None:
    stored.end_s[at] = np.nextafter(stored.end_s[at], np.inf)


def _outlines_decide(stored: StoredVolumes, at: slice) -> None:
    stored.centre_lines[at] = np.nan


def _closed_heights(stored: StoredVolumes, at: slice) -> None:
    stored.heights.upper_m[at] = np.nextafter(stored.heights.upper_m[at], np.inf)


def _altitude_ignored(self: StoredVolumes, a: Any, b: Any, reference: Any) -> Any:
    return np.full(len(a), Overlap.CERTAIN.value, dtype=np.int8)


def _buffer_short(by_m: float) -> Callable[..., Any]:
    def drawn(trajectories: Sequence[Any], *rest: Any) -> Any:
        shorter = [replace(one, horizontal_buffer_m=one.horizontal_buffer_m - by_m) for one in trajectories]
        return corridors(shorter, *rest)

    return drawn


MUTANTS: dict[str, tuple[Any, str, Any]] = {
    "altitude ignored": (StoredVolumes, "_altitudes", _altitude_ignored),
    "time ignored": (StoredVolumes, "add", _add(_time_ignored)),
    "times closed": (StoredVolumes, "add", _add(_closed_times)),
    "heights closed": (StoredVolumes, "add", _add(_closed_heights)),
    "plan closed": (lowsky.geo.shapes.areas_meet, "interiors_meet", shapely.intersects),
    "boxes instead of polygons": (lowsky.geo.volumes.stored_volumes, "areas_meet", lambda a, *_: np.ones(len(a), bool)),
    "boxes instead of distances": (lowsky.geo.shapes.centre_lines, "_on_plane", lambda a, _: (np.zeros(len(a)),) * 2),
    "outlines instead of distances": (StoredVolumes, "add", _add(_outlines_decide)),
    "buffers a metre short": (lowsky.geofence.flight_volumes, "corridors", _buffer_short(1.0)),
    "buffers a metre wide": (lowsky.geofence.flight_volumes, "corridors", _buffer_short(-1.0)),
}
DIAGONAL = Edge(
    "beside a slanting leg",
    legs(place(0, 0), place(300, 300)),
    legs(place(200, 0), place(300, 100)),
    False,
)


async def states_of(path: Path, *flights: tuple[str, pb.FlightPlan]) -> list[pb.State.ValueType]:
    """Of a batch, all of which must be answered with plans."""
    answers = await path.submit(*flights)
    plans = [answer for answer in answers if isinstance(answer, pb.FlightPlan)]
    assert len(plans) == len(answers), answers
    return [plan.state for plan in plans]


@pytest.mark.parametrize("mutant", MUTANTS)
async def test_every_mutant_fails_at_an_edge(path: Path, mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    edges = [DIAGONAL, *(edge for edge in EDGES if len(edge.first.volumes.volumes) < 500)]
    edges = [edge for edge in edges if len(edge.second.volumes.volumes) < 500]
    assert await holds(path, DIAGONAL)
    with monkeypatch.context() as patched:
        patched.setattr(*MUTANTS[mutant])
        wrong = [edge.claim for edge in edges if not await holds(path, edge)]
    assert wrong, f"{mutant} is found by no edge"
    assert len(wrong) < len(edges) / 2


async def test_a_flight_of_priority_over_a_city_full_of_flights_is_accepted(path: Path) -> None:
    """What it is told fits into an event, however many give way, and none of its batch suffers."""
    await emptied(path)
    count = 600
    for first in range(0, count, 100):
        made = [
            legs(
                *(place(150 * n, 15 * (n % 2) + 5 * height) for n in range(10)),
                buffer_m=10,
                height_m=10 + 25 * height,
                minute=10 * slot,
            )
            for height in range(10)
            for slot in range(first // 10, first // 10 + 10)
        ]
        assert await states_of(path, *(of(OURS, one) for one in made)) == [pb.STATE_SUBMITTED] * len(made)
    rescue = ready(box(-0.01, -0.01, 0.05, 0.05, heights=(0.0, 400.0), minutes=(0, 600)), priority=3)
    elsewhere = ready(box(1, 1, 1.001, 1.001))
    urgent, other = await path.submit(of(THEIRS, rescue), of(OURS, elsewhere))
    assert isinstance(urgent, pb.FlightPlan)
    assert isinstance(other, pb.FlightPlan)
    assert (urgent.state, other.state) == (pb.STATE_SUBMITTED, pb.STATE_SUBMITTED)
    assert sum(state == "REJECTED" for state in (await path.states()).values()) == count
    assert len(urgent.findings) == OVER_NAMED_MAX + 1
    assert any(f"{count - OVER_NAMED_MAX} more flights" in finding.message for finding in urgent.findings)
    await path.check_what_is_held()


async def test_a_volume_whose_floor_lies_above_its_ceiling_is_in_nobodys_way(path: Path) -> None:
    """Wherever the ground is: it holds nothing, and its batch does not suffer."""
    await emptied(path)
    nowhere = box()
    nowhere.altitude.lower_m, nowhere.altitude.upper_m = 300.0, 0.0
    nowhere.altitude.upper_datum = geo_pb2.ALTITUDE_DATUM_AMSL
    whole = of(THEIRS, ready(box(heights=(0.0, 400.0))))
    assert await states_of(path, of(OURS, ready(nowhere)), whole) == [pb.STATE_SUBMITTED] * 2
    await path.check_what_is_held()


async def test_times_of_the_wire_are_kept_to_the_microsecond(path: Path) -> None:
    await emptied(path)
    (answer,) = await path.submit(of(OURS, ready(box(minutes=(MICRO, 5)))))
    assert isinstance(answer, pb.FlightPlan)
    assert answer.time_start.ToDatetime(tzinfo=UTC) == T0 + timedelta(microseconds=1)
    assert datetime.fromtimestamp(answer.time_end.seconds, UTC) == T0 + timedelta(minutes=5)


@pytest.mark.parametrize("limit", ["RIVALS_MAX", "PAIRS_MAX"])
async def test_a_plan_near_which_too_much_is_held_is_refused_and_its_batch_does_not_suffer(
    path: Path, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await emptied(path)
    await path.submit(*(of(THEIRS, ready(box(heights=(100.0 * n, 100.0 * n + 50)))) for n in range(3)))
    monkeypatch.setattr(lowsky.flightplans.holding.reserving, limit, 2)
    crowded, alone = ready(box(heights=(0, 1000))), ready(box(west=0.1, east=0.102))
    for dry_run in ([False] * 3, [True] * 3):
        refused, accepted, again = await path.submit(
            of(OURS, crowded), of(OURS, alone), of(OURS, crowded), dry_run=dry_run
        )
        for one in (refused, again):
            assert isinstance(one, Invalid)
            assert (one.reason, [field.field for field in one.fields]) == ("TOO_LARGE", ["flight_plan"])
        assert not isinstance(accepted, LowskyError)
        alone = ready(box(west=0.2, east=0.202))
    await path.check_what_is_held()
    assert len(await path.states()) == 4
