"""An aircraft is in one place at a time: of two plans of the same aircraft that overlap in time, one is rejected."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import pytest_asyncio

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from lowsky.errors import Precondition
from lowsky.flightplans.checks.busy_aircraft import NAMED_MAX
from lowsky.flightplans.codec.plans import report_of
from lowsky.flightplans.domain.plan import FlightPlan, State
from lowsky.flightplans.life.moves import activate
from lowsky.flightplans.life.off_nominal import OffNominal
from lowsky.geo.heights.altitude import ANYWHERE
from lowsky.local.stack import Stack
from tests.integration.flightplans.held import START, Path, emptied, new_database, opened
from tests.support.plan_contents import contents

AGL = geo_pb2.ALTITUDE_DATUM_AGL
BUSY, CONFLICT = assessment_pb2.Finding.RULE_AIRCRAFT_BUSY, assessment_pb2.Finding.RULE_CONFLICT
HERE, ELSEWHERE, NOWHERE = (121.0, 31.0), (121.1, 31.1), (121.2, 31.2)
ACME = "operators/acme"
ONE, OTHER = f"{ACME}/aircraft/a0", f"{ACME}/aircraft/a1"
EMERGENCY = assessment_pb2.PRIORITY_EMERGENCY
MICROSECOND = 1 / 60e6
"""In minutes."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def opened_path(infrastructure: Stack) -> AsyncIterator[Path]:
    async with new_database(infrastructure.database_url) as url, opened(url, ANYWHERE, workers=2) as path:
        yield path


@pytest_asyncio.fixture(loop_scope="session")
async def path(opened_path: Path) -> AsyncIterator[Path]:
    await emptied(opened_path)
    yield opened_path
    await opened_path.check_what_is_held()


def circle(at: tuple[float, float], start: datetime, minutes: float) -> assessment_pb2.Volumes:
    volume = geo_pb2.Volume4D(
        outline_circle=geo_pb2.Circle(center=geo_pb2.LatLng(longitude=at[0], latitude=at[1]), radius_m=300),
        altitude=geo_pb2.AltitudeBand(lower_m=0, lower_datum=AGL, upper_m=100, upper_datum=AGL),
    )
    volume.time_start.FromDatetime(start)
    volume.time_end.FromDatetime(start + timedelta(minutes=minutes))
    return assessment_pb2.Volumes(volumes=[volume])


def flight(
    at: tuple[float, float] = HERE,
    minute: float = 10,
    minutes: float = 10,
    *,
    aircraft: str = ONE,
    start: datetime = START,
    **fields: object,
) -> tuple[str, pb.FlightPlan]:
    """So many minutes after a moment, and for so many."""
    plan = pb.FlightPlan(
        aircraft=aircraft,
        **contents(),
        volumes=circle(at, start + timedelta(minutes=minute), minutes),
        **fields,  # type: ignore[arg-type]
    )
    return aircraft.partition("/aircraft/")[0], plan


async def submit(path: Path, *flights: tuple[str, pb.FlightPlan]) -> list[pb.FlightPlan]:
    plans = await path.submit(*flights)
    assert all(isinstance(plan, pb.FlightPlan) for plan in plans), plans
    return plans  # type: ignore[return-value]


async def accepted(path: Path, *flights: tuple[str, pb.FlightPlan]) -> list[str]:
    plans = await submit(path, *flights)
    assert [plan.state for plan in plans] == [pb.STATE_SUBMITTED] * len(plans), plans
    return [plan.name for plan in plans]


async def is_busy(path: Path, *flights: tuple[str, pb.FlightPlan]) -> bool:
    """Whether the last one is rejected for its aircraft alone."""
    plan = (await submit(path, *flights))[-1]
    rules = {finding.rule for finding in plan.findings}
    assert rules <= {BUSY}
    assert (plan.state == pb.STATE_REJECTED) == bool(rules)
    return bool(rules)


async def test_the_second_plan_is_rejected_and_names_the_first_its_time_and_what_to_do(path: Path) -> None:
    (first,) = await submit(path, flight(HERE))
    (second,) = await submit(path, flight(ELSEWHERE, minute=15))
    assert second.state == pb.STATE_REJECTED
    (finding,) = second.findings
    assert (finding.rule, finding.severity) == (BUSY, assessment_pb2.Finding.SEVERITY_BLOCKING)
    assert finding.subject == first.name
    assert (finding.time_start, finding.time_end) == (first.time_start, first.time_end)
    assert second.state_reason == finding.message
    for said in (ONE, first.name, "12:00:00Z", "12:10:00Z", "another time", "supersede"):
        assert said in finding.message


async def test_another_aircraft_is_free(path: Path) -> None:
    await accepted(path, flight(HERE))
    assert not await is_busy(path, flight(ELSEWHERE, aircraft=OTHER))


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize(
    ("minute", "busy"),
    [(0, False), (MICROSECOND, True), (20, False), (20 - MICROSECOND, True), (10, True), (12, True), (5, True)],
)
async def test_times_are_half_open_to_the_microsecond(path: Path, minute: float, busy: bool, at_once: bool) -> None:
    first, second = flight(HERE, 10, 10), flight(ELSEWHERE, minute, 10)
    if at_once:
        assert await is_busy(path, first, second) is busy
    else:
        await accepted(path, first)
        assert await is_busy(path, second) is busy


async def test_the_time_buffers_of_a_trajectory_count(path: Path) -> None:
    def leg(departs: float, north: float) -> tuple[str, pb.FlightPlan]:
        trajectory = assessment_pb2.Trajectory(horizontal_buffer_m=20, vertical_buffer_m=10)
        trajectory.departure_time.FromDatetime(START + timedelta(minutes=departs))
        trajectory.time_buffer.FromTimedelta(timedelta(seconds=30))
        for n in range(2):
            trajectory.waypoints.add(
                longitude=121, latitude=north + 0.005 * n, altitude_m=50, altitude_datum=AGL, offset_s=60 * n
            )
        plan = pb.FlightPlan(aircraft=ONE, **contents())
        plan.trajectory.CopyFrom(trajectory)
        return ACME, plan

    await accepted(path, leg(10, 31.0))  # from half a minute before until half a minute after its minute
    assert await is_busy(path, leg(12 - MICROSECOND, 31.2))
    assert not await is_busy(path, leg(12, 31.2))


async def test_gaps_between_the_volumes_of_a_plan_are_part_of_it(path: Path) -> None:
    operator, plan = flight(HERE, 10, 5)
    plan.volumes.volumes.extend(circle(HERE, START + timedelta(minutes=60), 5).volumes)
    await accepted(path, (operator, plan))
    assert await is_busy(path, flight(ELSEWHERE, 30, 5))


@pytest.mark.parametrize("midnight", [datetime(2026, 11, 25, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)])
async def test_midnight_and_the_end_of_a_month_are_times_as_any(path: Path, midnight: datetime) -> None:
    path.clock.time = midnight - timedelta(minutes=30)
    await accepted(path, flight(HERE, -10, 20, start=midnight))
    path.clock.time = midnight - timedelta(minutes=10)
    assert await is_busy(path, flight(ELSEWHERE, 9, 20, start=midnight))
    assert not await is_busy(path, flight(ELSEWHERE, 10, 20, start=midnight))


async def test_of_a_batch_the_one_of_higher_priority_has_the_aircraft_then_the_one_that_came_first(path: Path) -> None:
    plans = await submit(path, flight(HERE), flight(ELSEWHERE), flight(NOWHERE, priority=EMERGENCY))
    assert [plan.state == pb.STATE_SUBMITTED for plan in plans] == [False, False, True]
    assert {plan.findings[0].subject for plan in plans[:2]} == {plans[2].name}


async def test_no_priority_makes_an_aircraft_free(path: Path) -> None:
    await accepted(path, flight(HERE))
    assert await is_busy(path, flight(ELSEWHERE, priority=EMERGENCY))


async def test_a_plan_that_is_displaced_in_the_same_step_frees_its_aircraft(path: Path) -> None:
    (first,) = await accepted(path, flight(HERE))
    (second,) = await submit(path, flight(HERE, 15, priority=EMERGENCY))
    assert second.state == pb.STATE_SUBMITTED
    assert (await path.states())[first] == "REJECTED"


async def test_a_flight_under_way_is_not_displaced_and_keeps_its_aircraft(path: Path) -> None:
    (first,) = await accepted(path, flight(HERE, 0))
    await take_off(path, first)
    (second,) = await submit(path, flight(HERE, 5, priority=EMERGENCY))
    assert second.state == pb.STATE_REJECTED
    assert [finding.rule for finding in second.findings] == [BUSY]
    assert not (await path.plan(first)).findings


@pytest.mark.parametrize("at", [HERE, ELSEWHERE])
async def test_a_plan_that_is_superseded_does_not_count(path: Path, at: tuple[float, float]) -> None:
    (first,) = await accepted(path, flight(HERE))
    await accepted(path, flight(at, 12, supersedes=first))
    assert (await path.states())[first] == "WITHDRAWN"


async def test_a_plan_that_is_superseded_within_a_batch_has_left_its_aircraft_to_the_next(path: Path) -> None:
    (first,) = await accepted(path, flight(HERE))
    await accepted(path, flight(HERE, aircraft=OTHER, supersedes=first), flight(ELSEWHERE))


async def test_where_the_aircraft_is_busy_the_superseded_plan_stays(path: Path) -> None:
    first, _ = await accepted(path, flight(HERE, 10), flight(ELSEWHERE, 20))
    assert await is_busy(path, flight(HERE, 15, supersedes=first))
    assert (await path.states())[first] == "SUBMITTED"


@pytest.mark.parametrize(
    "end",
    [
        lambda plan: plan.withdraw("", START),
        lambda plan: plan.reject("approvals/a", "n", "", START),
        lambda plan: plan.expire("", START),
        lambda plan: plan.close_overdue(START),
    ],
)
async def test_a_plan_that_is_over_frees_its_aircraft(path: Path, end: Callable[[FlightPlan], None]) -> None:
    (first,) = await accepted(path, flight(HERE))
    await path.move(first, end)
    assert not await is_busy(path, flight(ELSEWHERE))


async def take_off(path: Path, name: str) -> None:
    await path.move(name, lambda plan: plan.approve("approvals/a", "n", "", START))
    await path.move(name, lambda plan: plan.activate(START))


async def test_a_flight_that_lands_early_frees_its_aircraft(path: Path) -> None:
    (first,) = await accepted(path, flight(HERE, 0))
    await take_off(path, first)
    assert await is_busy(path, flight(ELSEWHERE, 5))
    await path.move(first, lambda plan: plan.end_flight(START))
    assert not await is_busy(path, flight(ELSEWHERE, 5))


async def test_a_flight_off_its_plan_keeps_its_aircraft_busy_until_the_end_of_its_off_nominal_volumes(
    path: Path,
) -> None:
    (first,) = await accepted(path, flight(HERE, 0))
    await take_off(path, first)
    request = pb.ReportFlightPlanStateRequest(
        request_id=str(uuid4()),
        name=first,
        state=pb.STATE_NONCONFORMING,
        off_nominal_volumes=circle(ELSEWHERE, START, 30),
    )
    holding = path.workers[0]._holding
    async with path.database.transaction() as connection:
        await OffNominal(holding, path.reference).report(connection, report_of(request), path.clock.now())
    assert await is_busy(path, flight(NOWHERE, 29))
    assert not await is_busy(path, flight(NOWHERE, 30))


async def test_a_dry_run_says_it_too_and_takes_nothing(path: Path) -> None:
    (dry,) = await path.submit(flight(HERE), dry_run=[True])
    assert isinstance(dry, pb.FlightPlan)
    assert dry.state == pb.STATE_SUBMITTED
    (first,) = await accepted(path, flight(HERE))
    (dry,) = await path.submit(flight(ELSEWHERE), dry_run=[True])
    assert isinstance(dry, pb.FlightPlan)
    assert [(finding.rule, finding.subject) for finding in dry.findings] == [(BUSY, first)]


async def test_a_long_plan_names_the_first_of_many_and_counts_the_others(path: Path) -> None:
    names = await accepted(path, *(flight(HERE, 10 + n, 1) for n in range(NAMED_MAX + 3)))
    (plan,) = await submit(path, flight(ELSEWHERE, 0, 600))
    assert {finding.subject for finding in plan.findings} == {*names[:NAMED_MAX], ""}
    assert any("3 more plans of the same aircraft" in finding.message for finding in plan.findings)


@pytest.mark.parametrize("drones", [1, 2])
async def test_two_workers_never_give_one_aircraft_to_two_flights(path: Path, drones: int) -> None:
    """Far from each other, so that no airspace makes them wait."""
    for turn in range(15):
        asked = [
            [
                flight((120 + 0.1 * n, 30 + worker), 20 * turn + n % 3, aircraft=f"{ACME}/aircraft/a{worker % drones}")
                for n in range(4)
            ]
            for worker in range(2)
        ]
        answers = await asyncio.gather(*(path.submit(*batch, worker=n) for n, batch in enumerate(asked)))
        got = [plan for batch in answers for plan in batch if isinstance(plan, pb.FlightPlan)]
        assert len(got) == 8
        assert [plan.state for plan in got].count(pb.STATE_SUBMITTED) == drones


async def test_batches_that_want_the_same_aircraft_in_any_order_do_not_wait_in_a_circle(path: Path) -> None:
    fleet = [f"{ACME}/aircraft/a{n}" for n in range(12)]
    for turn in range(10):
        asked = [
            [flight((120 + 0.1 * n, 30 + w), 10 + 15 * turn, aircraft=aircraft) for n, aircraft in enumerate(order)]
            for w, order in enumerate((fleet, fleet[::-1]))
        ]
        answers = await asyncio.gather(*(path.submit(*batch, worker=n) for n, batch in enumerate(asked)))
        got = [plan for batch in answers for plan in batch if isinstance(plan, pb.FlightPlan)]
        assert [plan.state for plan in got].count(pb.STATE_SUBMITTED) == len(fleet)


async def test_an_index_finds_what_keeps_an_aircraft_busy(path: Path) -> None:
    async with path.database.transaction() as connection:
        await connection.execute("SET LOCAL enable_seqscan = off")
        explained = await connection.fetch(
            """EXPLAIN SELECT 1 FROM reservations r
               WHERE r.aircraft = $1 AND r.time_end > $2 AND r.time_start < $3""",
            ONE,
            START,
            START + timedelta(hours=1),
        )
    assert any("reservations_aircraft" in row[0] for row in explained), explained


async def approve(path: Path, *names: str) -> None:
    for name in names:
        await path.move(name, lambda plan: plan.approve("approvals/a", "LS-1", "", path.clock.time))


async def activated(path: Path, name: str) -> FlightPlan:
    async with path.database.transaction() as connection:
        return await activate(connection, name, "", lambda plan: plan.activate(path.clock.time))


NONCONFORMING, CONTINGENT = State.NONCONFORMING, State.CONTINGENT


@pytest.mark.parametrize("reported", [[], [NONCONFORMING], [NONCONFORMING, CONTINGENT]])
async def test_a_plan_is_not_activated_while_its_aircraft_is_late_for_another(
    path: Path, reported: list[State]
) -> None:
    late, after = await accepted(path, flight(HERE, 10, 10), flight(ELSEWHERE, 30, 10))
    (beside,) = await accepted(path, flight(ELSEWHERE, 10, 60, aircraft=OTHER, start=START + timedelta(hours=1)))
    await approve(path, late, after, beside)
    path.clock.time = START + timedelta(minutes=15)
    await activated(path, late)
    for state in reported:
        await path.move(late, lambda plan, to=state: plan.report(to, b"", "lost", path.clock.time))  # type: ignore[misc]
    path.clock.time = START + timedelta(minutes=35)
    with pytest.raises(Precondition) as refused:
        await activated(path, after)
    assert refused.value.reason == "AIRCRAFT_BUSY"
    said = {"resource": after, "plan": late, "state": (reported or [State.ACTIVATED])[-1], "aircraft": ONE}
    assert refused.value.metadata == said
    assert late in refused.value.message
    assert (await path.plan(after)).state is State.APPROVED
    await path.move(late, lambda plan: plan.end_flight(path.clock.time))
    assert (await activated(path, after)).state is State.ACTIVATED
    path.clock.time = START + timedelta(hours=1, minutes=20)
    assert (await activated(path, beside)).state is State.ACTIVATED  # another aircraft


async def test_a_plan_that_has_superseded_another_or_has_one_after_it_is_activated(path: Path) -> None:
    (first, later) = await accepted(path, flight(HERE, 10, 10), flight(HERE, 50, 10))
    await approve(path, first, later)
    (second,) = await accepted(path, flight(ELSEWHERE, 12, 10, supersedes=first))
    await approve(path, second)
    path.clock.time = START + timedelta(minutes=15)
    assert (await activated(path, second)).state is State.ACTIVATED


async def test_of_two_activations_of_an_aircraft_at_once_the_second_sees_the_first(path: Path) -> None:
    """The first is committed only after the second has begun to wait for the aircraft."""
    one, other = await accepted(path, flight(HERE, 10, 10), flight(ELSEWHERE, 20, 10))
    await approve(path, one, other)
    path.clock.time = START + timedelta(minutes=20) - timedelta(microseconds=1)
    async with path.database.transaction() as connection:
        await activate(connection, one, "", lambda plan: plan.activate(path.clock.time))
        path.clock.time = START + timedelta(minutes=20)
        second = asyncio.ensure_future(activated(path, other))
        done, _ = await asyncio.wait([second], timeout=0.3)
        assert not done
    with pytest.raises(Precondition) as refused:
        await second
    assert refused.value.reason == "AIRCRAFT_BUSY"
