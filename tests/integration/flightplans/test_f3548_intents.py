"""Flight intents of the test suite of ASTM F3548 (InterUSS uss_qualifier and prober): what conflicts there conflicts
here, and nothing else does. Times are moved to the future; priority 100 is EMERGENCY."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import permutations, product
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml  # comes with pre-commit

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from lowsky.errors import Precondition
from lowsky.geo.heights.altitude import VerticalReference
from lowsky.local.stack import Stack
from tests.integration.flightplans.held import OPERATORS, START, a_drone, emptied, new_database, opened
from tests.integration.flightplans.held import Path as SubmissionPath
from tests.oracle.conflict import Area, Held, Meet, flights_meet
from tests.oracle.height import Bounds, Limits
from tests.support.contents import contents

FOLDER = Path(__file__).parents[4] / "shared/data/flight-intents"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no flight intents at {FOLDER}")
REFERENCE, BOUNDS = VerticalReference(0.0, 1500.0), Bounds((0.0, 1500.0), (-107.0, 86.0))
OURS, THEIRS, _ = OPERATORS
T0 = START + timedelta(minutes=10)
CONFLICT = assessment_pb2.Finding.RULE_CONFLICT
COLLECTIONS = ("conflicting_flights", "non_conflicting", "invalid_flight_intents")
PROBES = ("op_missing_initial.yaml", "op_missing_preexisting_unknown.yaml", "op_missing_update.json")
"""Operations of one hour over one place. The prober's other files say what a service must not accept at all."""
PROBED = datetime(2020, 9, 16, 19, 25, tzinfo=UTC).timestamp()

Intent = Mapping[str, Any]

CLAIMED = {
    ("conflicting_flights", "flight1_planned", "equal_prio_flight2_planned"): True,
    ("conflicting_flights", "flight1_planned", "flight2_planned"): True,
    ("conflicting_flights", "flight1m_planned", "flight2_planned"): True,
    ("conflicting_flights", "flight1c_planned", "flight2_planned"): False,
    ("conflicting_flights", "flight1c_activated", "flight2m_activated"): True,
    ("conflicting_flights", "flight1_planned", "equal_prio_flight2m_planned"): False,
    ("conflicting_flights", "flight1c_planned", "equal_prio_flight2_planned"): False,
    ("non_conflicting", "flight_1", "flight_2"): False,
    ("non_conflicting", "flight_1_planned", "flight_2_planned_modified"): False,
    ("invalid_flight_intents", "valid_flight", "valid_conflict_tiny_overlap"): True,
}
"""As the suite's scenarios use them."""


def collection(name: str) -> Mapping[str, Intent]:
    """The intents of a file, each in full."""
    listed = yaml.safe_load((FOLDER / "flight_intents" / f"{name}.yaml").read_text())["intents"]

    def full(intent: str) -> Any:
        said = listed[intent]
        return said["full"] if "full" in said else changed(full(said["delta"]["source"]), said["delta"]["mutation"])

    return {intent: full(intent) for intent in listed}


def changed(source: Any, mutation: Any) -> Any:
    """As the suite does: parts replace their namesakes, items of lists those at their place; `+` replaces all."""
    if isinstance(mutation, dict) and isinstance(source, dict):
        result = dict(source)
        for key, value in mutation.items():
            result[key.removeprefix("+")] = (
                value if key.startswith("+") or key not in source else changed(source[key], value)
            )
        return result
    if isinstance(mutation, list) and isinstance(source, list):
        return [changed(a, b) for a, b in zip(source, mutation, strict=False)] + source[len(mutation) :]
    return mutation


def seconds(text: str) -> float:
    units = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
    return float(text[:-1]) * units[text[-1]]


def offset_s(time: Any) -> float:
    """From the evaluation on."""
    return seconds(time["offset_from"].get("offset", "0s"))


def extents(intent: Intent) -> list[tuple[Any, float, float]]:
    """Volumes of F3548, and seconds from now from and until."""
    found = []
    for area in intent["basic_information"]["area"]:
        start = offset_s(area["start_time"])
        end = offset_s(area["end_time"]) if area.get("end_time") else start + seconds(area["duration"])
        found.append((area, start, end))
    return found


def flight(volumes: list[tuple[Any, float, float]], priority: int = 0) -> tuple[pb.FlightPlan, list[Held]]:
    """The request, and what the oracle makes of it."""
    plan = pb.FlightPlan(**contents(), priority=3 if priority else 0)
    held = []
    for volume, start_s, end_s in volumes:
        message = plan.volumes.volumes.add()
        low, high = volume["altitude_lower"], volume["altitude_upper"]
        assert (low["reference"], low["units"], high["reference"], high["units"]) == ("W84", "M", "W84", "M")
        message.altitude.CopyFrom(
            geo_pb2.AltitudeBand(
                lower_m=low["value"],
                lower_datum=geo_pb2.ALTITUDE_DATUM_WGS84,
                upper_m=high["value"],
                upper_datum=geo_pb2.ALTITUDE_DATUM_WGS84,
            )
        )
        message.time_start.FromDatetime(T0 + timedelta(seconds=start_s))
        message.time_end.FromDatetime(T0 + timedelta(seconds=end_s))
        limits = Limits(low["value"], "WGS84", high["value"], "WGS84")
        held.append(Held(_area(volume, message), limits, T0.timestamp() + start_s, T0.timestamp() + end_s))
    return plan, held


def _area(volume: Any, message: geo_pb2.Volume4D) -> Area:
    if "outline_circle" in volume:
        center, radius_m = volume["outline_circle"]["center"], volume["outline_circle"]["radius"]["value"]
        message.outline_circle.center.longitude, message.outline_circle.center.latitude = center["lng"], center["lat"]
        message.outline_circle.radius_m = radius_m
        return Area.circle((center["lng"], center["lat"]), radius_m)
    ring = [(vertex["lng"], vertex["lat"]) for vertex in volume["outline_polygon"]["vertices"]]
    for longitude, latitude in ring:
        message.outline_polygon.vertices.add(longitude=longitude, latitude=latitude)
    return Area.polygon(*ring)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def path(infrastructure: Stack) -> AsyncIterator[SubmissionPath]:
    async with new_database(infrastructure.database_url) as url, opened(url, REFERENCE) as path:
        yield path


def of(operator: str, plan: pb.FlightPlan) -> tuple[str, pb.FlightPlan]:
    said = pb.FlightPlan()
    said.CopyFrom(plan)
    said.aircraft = a_drone(operator)
    return operator, said


async def require_verdict(path: SubmissionPath, first: Any, second: Any, overlap: bool) -> None:
    """One after the other."""
    await emptied(path)
    (ours,) = await path.submit(of(OURS, first))
    (theirs,) = await path.submit(of(THEIRS, second))
    assert isinstance(ours, pb.FlightPlan), ours
    assert isinstance(theirs, pb.FlightPlan), theirs
    assert ours.state == pb.STATE_SUBMITTED
    goes_first = second.priority > first.priority
    rejected = theirs.state == pb.STATE_REJECTED
    assert rejected == (overlap and not goes_first)
    assert rejected == any(finding.rule == CONFLICT for finding in theirs.findings)
    assert ((await path.states())[ours.name] == "REJECTED") == (overlap and goes_first)
    await path.check_what_is_held()


@pytest.mark.parametrize("name", COLLECTIONS)
async def test_intents_that_overlap_conflict_in_either_order_and_no_others(path: SubmissionPath, name: str) -> None:
    intents = {
        intent: flight(extents(full), full["astm_f3548_21"]["priority"])
        for intent, full in collection(name).items()
        if not intent.startswith("invalid_")
    }
    for one, other in permutations(intents, 2):
        (first, ours), (second, theirs) = intents[one], intents[other]
        meet = flights_meet(ours, theirs, (0.0, 0.0), BOUNDS)
        assert meet is not Meet.EITHER
        overlap = CLAIMED.get((name, one, other), CLAIMED.get((name, other, one)))
        assert overlap is None or overlap == (meet is Meet.YES), (one, other)
        await require_verdict(path, first, second, meet is Meet.YES)


@pytest.mark.parametrize(
    ("intent", "reason"),
    [("invalid_too_far_away", "START_TOO_FAR_AHEAD"), ("invalid_recently_ended", "START_IN_PAST")],
)
async def test_invalid_intents_are_refused(path: SubmissionPath, intent: str, reason: str) -> None:
    await emptied(path)
    made = collection("invalid_flight_intents")[intent]
    plan, _ = flight(
        [(volume, start, max(end, start + 60)) for volume, start, end in extents(made)]
        if intent == "invalid_too_far_away"
        else extents(made)
    )
    path.clock.time = T0
    (refused,) = await path.submit(of(OURS, plan))
    assert isinstance(refused, Precondition)
    assert refused.reason == reason
    assert not await path.states()


async def test_operations_of_the_prober_conflict_where_they_overlap(path: SubmissionPath) -> None:
    operations = [operation(name) for name in PROBES]
    for (first, ours), (second, theirs) in product(operations, operations):
        meet = flights_meet(ours, theirs, ours[0].area.points[0], BOUNDS)
        assert meet is not Meet.EITHER
        assert meet is Meet.YES or first is not second
        await require_verdict(path, first, second, meet is Meet.YES)


def operation(name: str) -> tuple[pb.FlightPlan, list[Held]]:
    """The time at which the operations begin becomes T0."""
    text = (FOLDER / "prober_scd" / name).read_text()
    said = yaml.safe_load(text) if name.endswith(".yaml") else json.loads(text)

    def since(time: Any) -> float:
        return datetime.fromisoformat(time["value"]).timestamp() - PROBED

    return flight([(one["volume"], since(one["time_start"]), since(one["time_end"])) for one in said["extents"]])
