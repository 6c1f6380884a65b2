"""However much is found of a plan, it is kept and answered within a limit, and nothing that decides is lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import shapely

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from lowsky.findings.codec import finding_from_message, finding_to_message
from lowsky.findings.finding import FINDINGS_BYTES_MAX, FINDINGS_MAX, Finding, Rule, Severity, at_most
from lowsky.flightplans.codec.plans import to_event, to_message
from lowsky.flightplans.domain.plan import FlightPlan, State
from lowsky.rpc.limits import request_bytes_max
from tests.unit.flightplans.flights import PARK, PORT, START, TOWER

RECEIVED_BYTES = 4 * 1024 * 1024
"""By gRPC clients that are not set up otherwise."""


def a_finding() -> Finding:
    return Finding(
        Rule.GEOZONE_AUTHORIZATION, Severity.AUTHORIZATION, "geozones/a", "A", (0,), "An authority.", deciding=(TOWER,)
    )


def test_findings_beyond_the_most_are_counted_and_whoever_decides_for_them_is_kept() -> None:
    first = a_finding()
    last = replace(first, subject="geozones/z", deciding=(PORT,), notified=(PARK,))
    assert at_most([first, last]) == (first, last)
    every = [*([first] * FINDINGS_MAX), last]
    listed = at_most(every)
    assert len(listed) <= FINDINGS_MAX
    (rest,) = [one for one in listed if one.stands_for]
    assert rest.stands_for + len(listed) - 1 == len(every)
    assert f"{rest.stands_for} more findings are not listed" in rest.message
    assert (rest.deciding, rest.notified) == ((TOWER, PORT), (PARK,))
    message = finding_to_message(rest)
    assert finding_from_message(assessment_pb2.Finding.FromString(message.SerializeToString())) == rest


def test_what_is_left_out_is_counted_once_however_often_findings_are_added() -> None:
    first = a_finding()
    once = at_most([first] * (FINDINGS_MAX + 10))
    twice = at_most([*once, first, first])
    assert sum(one.stands_for or 1 for one in twice) == FINDINGS_MAX + 12
    assert [one.message.count("not listed") for one in twice if one.stands_for] == [1]


def test_what_the_airspace_may_change_and_what_it_may_not_are_counted_apart() -> None:
    zones = a_finding()
    flight = replace(zones, rule=Rule.OFF_NOMINAL, severity=Severity.NOTIFICATION, subject="flight", deciding=())
    listed = at_most([*([zones] * (FINDINGS_MAX + 5)), flight, flight])
    rests = {one.rule: one for one in listed if one.stands_for}
    assert rests[Rule.OFF_NOMINAL].stands_for == 2
    assert rests[Rule.OFF_NOMINAL].deciding == ()
    assert rests[Rule.GEOZONE_AUTHORIZATION].deciding == (TOWER,)
    assert len(listed) <= FINDINGS_MAX


def long_findings(count: int, **fields: Any) -> list[Finding]:
    """As long as findings become: a published title of the longest, many legs, several authorities that are told, and
    of flights the places where they overlap."""
    hexagon = shapely.Point(113.0, 22.0).buffer(0.01, quad_segs=16)
    usual: dict[str, Any] = {
        "rule": Rule.GEOZONE_AUTHORIZATION,
        "severity": Severity.AUTHORIZATION,
        "subject_title": "空" * 200,
        "volumes": tuple(range(1_500, 2_000)),
        "message": "空" * 4_000,
        "overlap_outlines": (hexagon,) * 4,
    }
    names = [f"authorities/{n:060}" for n in range(100)]
    each = usual | fields
    return [
        Finding(**each, subject=f"geozones/{n:0200}", deciding=(names[n % 100],), notified=tuple(names[:3]))
        for n in range(count)
    ]


def test_findings_that_are_long_are_told_in_brief_and_none_that_decides_is_lost() -> None:
    every = long_findings(FINDINGS_MAX)
    worst = replace(every[-1], severity=Severity.BLOCKING, rule=Rule.GEOZONE_PROHIBITED)
    listed = at_most([*every[:-1], worst])
    size = sum(finding_to_message(one).ByteSize() for one in listed)
    assert FINDINGS_BYTES_MAX / 3 < size <= FINDINGS_BYTES_MAX
    assert listed[0] == worst, "the gravest, in full"
    assert not any(one.stands_for for one in listed)
    assert {one.subject for one in listed} == {one.subject for one in every}
    for one in listed:
        assert one.volumes_left_out + len(one.volumes) == 500
    assert {(one.subject, one.deciding, one.notified) for one in listed} == {
        (one.subject, one.deciding, one.notified) for one in every
    }
    assert at_most(every) == at_most(reversed(every))


def test_why_a_plan_is_rejected_is_told_in_full_however_much_is_in_its_way() -> None:
    every = long_findings(FINDINGS_MAX, severity=Severity.BLOCKING)
    once = at_most(every)
    for listed in (once, at_most([*once, a_finding()])):
        assert listed[0] == every[0]
        assert any(one.is_short for one in listed)


def test_findings_that_are_long_even_in_brief_are_counted() -> None:
    every = [replace(one, notified=tuple(f"authorities/{n:060}" for n in range(100))) for one in long_findings(900)]
    listed = at_most(every)
    assert sum(finding_to_message(one).ByteSize() for one in listed) <= FINDINGS_BYTES_MAX + 30_000
    assert sum(one.stands_for or 1 for one in listed) == len(every)
    assert {name for one in listed for name in one.deciding} == {name for one in every for name in one.deciding}
    (rest,) = [one for one in listed if one.stands_for]
    assert rest.severity is Severity.AUTHORIZATION


def test_the_largest_plan_is_received_by_any_client_and_fits_into_an_event() -> None:
    largest = request_bytes_max("/lowsky.api.flightplans.v1.FlightPlansService/SubmitFlightPlan")
    plan = FlightPlan(
        name="operators/acme/flightPlans/1",
        operator="operators/acme",
        aircraft="operators/acme/aircraft/1",
        content=pb.FlightPlan(reference="x" * largest).SerializeToString(),
        off_nominal=assessment_pb2.Volumes(volumes=[geo_pb2.Volume4D()] * (largest // 2)).SerializeToString(),
        start=START,
        end=START + timedelta(hours=1),
        create_time=START,
        update_time=START,
        state=State.NONCONFORMING,
        state_reason="x" * 10_000,
    )
    for findings in (long_findings(FINDINGS_MAX), long_findings(FINDINGS_MAX, rule=Rule.OFF_NOMINAL)):
        plan.exchange(plan.findings, findings)
        plan.findings_changed(START)
        answer = pb.GetFlightPlanResponse(flight_plan=to_message(plan))
        assert 2 * largest < answer.ByteSize() < RECEIVED_BYTES - 64 * 1024
        assert len(to_event(plan, plan.happened[-1])) < RECEIVED_BYTES - 64 * 1024
