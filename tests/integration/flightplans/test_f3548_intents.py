"""Flight intents of the test suite of ASTM F3548 (InterUSS uss_qualifier and prober), and samples as odd as those: what
conflicts there conflicts here, and nothing else does. Times are moved to the future; priority 100 is EMERGENCY."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import permutations, product
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.errors import Precondition
from lowsky.geo.heights.altitude import VerticalReference
from lowsky.local.stack import Stack
from tests.integration.flightplans.held import OPERATORS, START, a_drone, emptied, new_database, opened
from tests.integration.flightplans.held import Path as SubmissionPath
from tests.oracle.conflict import Held, Meet, flights_meet
from tests.oracle.height import Bounds
from tests.support.flight_intents import collection, operation, planned
from tests.support.samples import PUBLIC, SAMPLES, expected

FOLDER = PUBLIC / "flight-intents"
needs_intents = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no flight intents at {FOLDER}")
REFERENCE, BOUNDS = VerticalReference(0.0, 1500.0), Bounds((0.0, 1500.0), (-107.0, 86.0))
OURS, THEIRS, _ = OPERATORS
T0 = START + timedelta(minutes=10)
CONFLICT = assessment_pb2.Finding.RULE_CONFLICT
COLLECTIONS = ("conflicting_flights", "non_conflicting", "invalid_flight_intents")
PROBES = ("op_missing_initial.yaml", "op_missing_preexisting_unknown.yaml", "op_missing_update.json")
"""Operations of one hour over one place. The prober's other files say what a service must not accept at all."""
PROBED = datetime(2020, 9, 16, 19, 25, tzinfo=UTC)
TABLE = expected("intents")
LISTS = [name for name, row in TABLE.items() if "overlaps" in row]
OPERATIONS = [name for name, row in TABLE.items() if "overlaps_with" in row]

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


def overlap_of(ours: list[Held], theirs: list[Held]) -> bool:
    """By the oracle, which has to be sure."""
    meet = flights_meet(ours, theirs, ours[0].area.points[0], BOUNDS)
    assert meet is not Meet.EITHER
    return meet is Meet.YES


@pytest.mark.parametrize("name", LISTS)
async def test_intents_of_a_sample_conflict_in_either_order_as_its_row_says(path: SubmissionPath, name: str) -> None:
    refused = TABLE[name].get("refused", {})
    intents = {
        intent: planned(full, T0)
        for intent, full in collection(SAMPLES / "intents" / name).items()
        if intent not in refused
    }
    overlaps = {frozenset(pair) for pair in TABLE[name]["overlaps"]}
    assert all(pair <= intents.keys() for pair in overlaps)
    for one, other in permutations(intents, 2):
        (first, ours), (second, theirs) = intents[one], intents[other]
        overlap = {one, other} in overlaps
        assert overlap_of(ours, theirs) is overlap, (one, other)
        await require_verdict(path, first, second, overlap)


@needs_intents
@pytest.mark.parametrize("name", COLLECTIONS)
async def test_intents_that_overlap_conflict_in_either_order_and_no_others(path: SubmissionPath, name: str) -> None:
    intents = {
        intent: planned(full, T0)
        for intent, full in collection(FOLDER / "flight_intents" / f"{name}.yaml").items()
        if not intent.startswith("invalid_")
    }
    for one, other in permutations(intents, 2):
        (first, ours), (second, theirs) = intents[one], intents[other]
        overlap = overlap_of(ours, theirs)
        assert CLAIMED.get((name, one, other), CLAIMED.get((name, other, one), overlap)) == overlap, (one, other)
        await require_verdict(path, first, second, overlap)


PUBLISHED_INVALID = FOLDER / "flight_intents/invalid_flight_intents.yaml"
INVALID = [
    *(
        pytest.param(SAMPLES / "intents" / name, intent, reason, id=intent)
        for name in LISTS
        for intent, reason in TABLE[name].get("refused", {}).items()
    ),
    pytest.param(PUBLISHED_INVALID, "invalid_too_far_away", "START_TOO_FAR_AHEAD", marks=needs_intents),
    pytest.param(PUBLISHED_INVALID, "invalid_recently_ended", "START_IN_PAST", marks=needs_intents),
]


@pytest.mark.parametrize(("file", "intent", "reason"), INVALID)
async def test_invalid_intents_are_refused(path: SubmissionPath, file: Path, intent: str, reason: str) -> None:
    await emptied(path)
    plan, _ = planned(collection(file)[intent], T0)
    path.clock.time = T0
    (refused,) = await path.submit(of(OURS, plan))
    assert isinstance(refused, Precondition)
    assert refused.reason == reason
    assert not await path.states()


async def test_operations_of_the_samples_conflict_as_their_rows_say(path: SubmissionPath) -> None:
    operations = {name: operation(SAMPLES / "intents" / name, TABLE[name]["begins"], T0) for name in OPERATIONS}
    for (one, (first, ours)), (other, (second, theirs)) in product(operations.items(), repeat=2):
        overlap = other in TABLE[one]["overlaps_with"]
        assert overlap_of(ours, theirs) is overlap, (one, other)
        await require_verdict(path, first, second, overlap)


@needs_intents
async def test_operations_of_the_prober_conflict_where_they_overlap(path: SubmissionPath) -> None:
    operations = [operation(FOLDER / "prober_scd" / name, PROBED, T0) for name in PROBES]
    for (first, ours), (second, theirs) in product(operations, operations):
        overlap = overlap_of(ours, theirs)
        assert overlap or first is not second
        await require_verdict(path, first, second, overlap)
