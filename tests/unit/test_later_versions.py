"""What a later version adds to an enum of the contract, in every message that this version stores or consumes: nothing
fails, what is written again says the same, and where a decision depends on it, it errs to the careful side."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from typing import Any, TypeVar, cast

import pytest
from google.protobuf.message import Message
from rich.console import Console

from lowsky.airspace.codec.indexed_zones import indexed
from lowsky.api.airspace.v1 import authorities_pb2, geozones_pb2
from lowsky.api.approvals.v1 import approvals_pb2
from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.events.v1 import events_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from lowsky.api.registration.v1 import aircraft_pb2, operators_pb2
from lowsky.approvals.codec import approvals as approvals_codec
from lowsky.approvals.codec.plans import submitted_plan
from lowsky.approvals.domain.approval import Approval, ApprovalState, Decision, Outcome
from lowsky.cli.airspace import zone_map, zone_page, zone_views
from lowsky.cli.plans import plan_views
from lowsky.errors import IllegalMove, Invalid, Precondition
from lowsky.events.event import Event
from lowsky.findings.finding import Finding, Rule, Severity
from lowsky.flightplans.checks.validity import require_standing
from lowsky.flightplans.codec import plans
from lowsky.flightplans.domain.plan import State
from lowsky.flightplans.events.approvals import _granted_by
from lowsky.flightplans.events.geozones import OnGeozones
from lowsky.flightplans.events.registrations import OnOperators
from lowsky.flightplans.projections.airspace import Airspace
from lowsky.flightplans.projections.standing import Standing
from lowsky.flightplans.recheck.recheck import reassess
from lowsky.geo.codec.zones import geozone_from_message, geozone_to_message
from lowsky.geo.zones.geozone import Restriction
from lowsky.geofence.area_codec import open_below_from
from lowsky.open_enums import number_member, text_member
from lowsky.registration.domain.aircraft import AircraftState, EuClass
from lowsky.registration.domain.operator import OperatorKind, OperatorState
from tests.unit.approvals.plans import a_case
from tests.unit.flightplans.flights import DRONE, NOW, OPERATOR, PORT, START, TOWER, plan, square, zone

LATER = 99
M = TypeVar("M", bound=Message)


def enums_in(message: Message, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all fields that are enums: of those messages within it that are filled."""
    for field in message.DESCRIPTOR.fields:
        here = (*path, field.name)
        if field.enum_type is not None:
            yield here
        elif field.message_type is not None and field.message_type.full_name.startswith("lowsky."):
            value = getattr(message, field.name)
            if field.is_repeated:
                if value:
                    yield from enums_in(value[0], (*here, 0))
            elif message.HasField(field.name):
                yield from enums_in(value, here)


def later(message: M, path: tuple[Any, ...]) -> M:
    """The message with a value of a later version at a path."""
    changed = type(message).FromString(message.SerializeToString())
    at: Any = changed
    for step in path[:-1]:
        at = at[step] if isinstance(step, int) else getattr(at, step)
    if at.DESCRIPTOR.fields_by_name[path[-1]].is_repeated:
        getattr(at, path[-1]).append(LATER)
    else:
        setattr(at, path[-1], LATER)
    return changed


def each_later(message: M) -> list[Any]:
    return [
        pytest.param(later(message, path), id=".".join(map(str, (message.DESCRIPTOR.name, *path))))
        for path in enums_in(message)
    ]


def a_geozone() -> geozones_pb2.Geozone:
    geozone = zone(square((113.0, 22.0)), Restriction.REQ_AUTHORIZATION).geozone
    message = geozone_to_message(geozone, name="geozones/city.a", dataset="datasets/city", dataset_version=1)
    period = message.applicability.periods.add()
    entry = period.schedule.add(weekdays=[2])
    entry.start.seconds, entry.end.seconds = 3600, 7200
    del message.authorities[:]
    message.authorities.add(authority=TOWER, purpose=geozones_pb2.AUTHORITY_PURPOSE_INFORMATION)
    return message


def a_finding() -> assessment_pb2.Finding:
    band = geo_pb2.AltitudeBand(
        lower_m=10, lower_datum=geo_pb2.ALTITUDE_DATUM_AGL, upper_m=50, upper_datum=geo_pb2.ALTITUDE_DATUM_AGL
    )
    return assessment_pb2.Finding(
        rule=assessment_pb2.Finding.RULE_GEOZONE_AUTHORIZATION,
        severity=assessment_pb2.Finding.SEVERITY_AUTHORIZATION,
        subject="geozones/city.a",
        volumes=[0],
        volumes_count=1,
        plan_altitude=band,
        subject_altitude=band,
        message="Leg 1 meets it.",
    )


def a_plan() -> pb.FlightPlan:
    message = pb.FlightPlan(
        name=f"{OPERATOR}/flightPlans/p1", aircraft=DRONE, state=pb.STATE_SUBMITTED, findings=[a_finding()]
    )
    message.time_start.FromDatetime(START)
    message.trajectory.departure_time.FromDatetime(START)
    message.trajectory.horizontal_buffer_m = 20
    for n in range(2):
        message.trajectory.waypoints.add(
            longitude=113 + n / 100,
            latitude=22,
            altitude_m=50,
            altitude_datum=geo_pb2.ALTITUDE_DATUM_AGL,
            offset_s=60 * n,
        )
    return message


def an_approval() -> approvals_pb2.Approval:
    return approvals_pb2.Approval(
        name="approvals/a",
        flight_plan=a_plan(),
        decisions=[approvals_pb2.Decision(authority=TOWER, outcome=approvals_pb2.Decision.OUTCOME_REJECTED)],
    )


AN_OPERATOR = operators_pb2.Operator(name=OPERATOR, state=operators_pb2.Operator.STATE_VERIFIED)
AN_AIRCRAFT = aircraft_pb2.Aircraft(name=DRONE, state=aircraft_pb2.Aircraft.STATE_ACTIVE, max_speed_mps=20)


@pytest.mark.parametrize("message", [*each_later(AN_OPERATOR), *each_later(AN_AIRCRAFT)])
async def test_registrations_are_known_and_a_state_of_a_later_version_is_no_good_standing(
    message: operators_pb2.Operator | aircraft_pb2.Aircraft,
) -> None:
    standing = Standing()
    events = {
        OPERATOR: ("lowsky.operator.updated.v1", events_pb2.OperatorEvent(operator=AN_OPERATOR)),
        DRONE: ("lowsky.aircraft.updated.v1", events_pb2.AircraftEvent(aircraft=AN_AIRCRAFT)),
    }
    if isinstance(message, operators_pb2.Operator):
        events[OPERATOR] = ("lowsky.operator.updated.v1", events_pb2.OperatorEvent(operator=message))
    else:
        events[DRONE] = ("lowsky.aircraft.updated.v1", events_pb2.AircraftEvent(aircraft=message))
    for key, (type_, event) in events.items():
        OnOperators(standing)(Event("t", key, type_, event.SerializeToString(), NOW), {})
    operator, aircraft = standing.operator(OPERATOR), standing.aircraft(DRONE)
    assert operator is not None
    assert aircraft is not None
    # Neither is a kind or category that no law mentions: what is asked of any of them is asked.
    assert (operator.kind, aircraft.category) == ("", "")
    if message.state == LATER:
        with pytest.raises(Precondition, match=r"99|retired"):
            require_standing(OPERATOR, DRONE, operator, aircraft)
    else:
        require_standing(OPERATOR, DRONE, operator, aircraft)


@pytest.mark.parametrize("message", each_later(a_geozone()))
async def test_geozones_are_consumed_and_never_ask_less_than_they_did(message: geozones_pb2.Geozone) -> None:
    class Seen(Airspace):
        def zone_unreadable(self, dataset: str, name: str, problem: str) -> None:
            raise AssertionError(problem)

    airspace = Seen(cast(Any, None))
    event = events_pb2.GeozoneEvent(geozone=message).SerializeToString()
    OnGeozones(airspace)(Event("t", message.name, "lowsky.geozone.published.v1", event, NOW), {})
    assert message.name in airspace._datasets[message.dataset].coming
    (stored,) = indexed({message.name: message.SerializeToString()})
    before, after = geozone_from_message(a_geozone()), stored.geozone
    assert after.restriction in {before.restriction, text_member(Restriction, str(LATER))}
    for was, is_ in zip(before.layers, after.layers, strict=True):
        assert is_.altitude.lower_m <= was.altitude.lower_m
        assert is_.altitude.upper_m >= was.altitude.upper_m
    for hour in range(24 * 7):
        window = (START + timedelta(hours=hour)).timestamp(), (START + timedelta(hours=hour + 1)).timestamp()
        assert after.applicability.applies(*window) or not before.applicability.applies(*window)
    written = geozone_to_message(after, name=message.name, dataset=message.dataset, dataset_version=1)
    assert written.restriction == message.restriction


def test_a_default_of_an_area_that_only_a_later_version_knows_asks_for_the_authoritys_word() -> None:
    area = authorities_pb2.Area()
    assert open_below_from(area) == float("inf")
    area.default_rule.SetInParent()
    assert open_below_from(area) == -float("inf")


@pytest.mark.parametrize("message", each_later(a_plan()))
def test_a_case_keeps_the_plan_as_it_is_and_one_that_cannot_be_judged_is_never_granted_by_rule(
    message: pb.FlightPlan,
) -> None:
    event = events_pb2.FlightPlanEvent(flight_plan=message, previous_state=cast(Any, LATER)).SerializeToString()
    found = submitted_plan(Event("t", message.name, "lowsky.flightplan.submitted.v1", event, NOW))
    assert pb.FlightPlan.FromString(found.snapshot) == message
    case = Approval.open("approvals/a", "LS-1", found, NOW)
    assert approvals_codec.to_message(case, with_officers=True).flight_plan == message
    granted = case.state is ApprovalState.GRANTED
    assert granted is (message.findings[0].severity != LATER)


def test_whom_a_finding_of_a_later_severity_names_has_to_decide() -> None:
    message = a_plan()
    message.findings[0].severity = cast(Any, LATER)
    message.findings[0].notified_authorities.append(PORT)
    event = events_pb2.FlightPlanEvent(flight_plan=message).SerializeToString()
    found = submitted_plan(Event("t", message.name, "lowsky.flightplan.submitted.v1", event, NOW))
    case = Approval.open("approvals/a", "LS-1", found, NOW)
    assert (case.state, [one.authority for one in case.decisions]) == (ApprovalState.PENDING, [PORT])
    assert case.decisions[0].geozones == ("geozones/city.a",)


@pytest.mark.parametrize("message", each_later(an_approval()))
def test_what_approvals_emit_is_consumed_and_only_a_grant_is_one(message: approvals_pb2.Approval) -> None:
    read = approvals_pb2.Approval.FromString(message.SerializeToString())
    assert list(_granted_by(read)) == []


@pytest.mark.parametrize("finding", each_later(a_finding()))
def test_stored_findings_are_written_again_as_they_were(finding: assessment_pb2.Finding) -> None:
    stored = pb.FlightPlan(findings=[finding]).SerializeToString(deterministic=True)
    read, _ = plans.assessment_from_bytes(stored)
    again = plan(State.APPROVED, findings=(*read, BLOCKING))
    rewritten = pb.FlightPlan.FromString(plans.assessment_to_bytes(again)).findings
    assert rewritten[0] == finding
    assert plans.as_kept(read) == read


BLOCKING = Finding(Rule.GEOZONE_PROHIBITED, Severity.BLOCKING, "geozones/z", "Z", (0,), "Leg 1 meets Z.")


def test_fields_of_a_later_version_stay_in_stored_findings() -> None:
    more = a_finding().SerializeToString() + b"\xa2\x3f\x03new"  # field 1012
    (read,), _ = plans.assessment_from_bytes(
        pb.FlightPlan(findings=[assessment_pb2.Finding.FromString(more)]).SerializeToString()
    )
    rewritten = plans.assessment_to_bytes(plan(State.APPROVED, findings=(read,)))
    assert b"new" in rewritten


@pytest.mark.parametrize("message", each_later(a_plan()))
def test_stored_contents_are_read_or_refused_by_name(message: pb.FlightPlan) -> None:
    try:
        proposal = plans.proposal_of(OPERATOR, message)
    except Invalid as refusal:
        # Where it flies is not known: nothing may be made up.
        assert "this version does not know" in refusal.message
    else:
        # Neither is a mode or purpose that no law mentions: what is asked of any of them is asked.
        assert (proposal.mode, proposal.purpose) == ("", "")


@pytest.mark.parametrize("findings", [(), (BLOCKING,)])
def test_a_plan_in_a_state_of_a_later_version_is_told_of_the_airspace_and_left_where_it_is(
    findings: tuple[Finding, ...],
) -> None:
    paused = text_member(State, "PAUSED")
    checked = plan(paused, findings=(replace(BLOCKING, subject="geozones/gone"),))
    assert reassess(checked, findings, 2, NOW)
    assert (checked.state, [one.what for one in checked.happened]) == (paused, ["reassessed"])
    assert checked.is_flying
    assert plans.to_message(checked).state == pb.STATE_UNSPECIFIED
    with pytest.raises(IllegalMove):
        checked.withdraw("rain", NOW)


def test_stored_states_of_a_later_version_are_kept() -> None:
    ours: Sequence[type[StrEnum]] = (State, ApprovalState, Outcome, Rule)
    registered: Sequence[type[StrEnum]] = (AircraftState, EuClass, OperatorKind, OperatorState)
    for of in (*ours, *registered):
        assert text_member(of, next(iter(of)).value) is next(iter(of))
        later_one = text_member(of, "LATER")
        assert (str(later_one), later_one == text_member(of, "LATER")) == ("LATER", True)
        assert later_one not in list(of)
    assert number_member(Severity, LATER) > Severity.BLOCKING


def test_resources_in_a_stored_state_of_a_later_version_are_shown_as_unspecified() -> None:
    case = a_case(TOWER)
    case.snapshot = b""
    case.state = text_member(ApprovalState, "LATER")
    case.decisions = (Decision(TOWER, (), text_member(Outcome, "LATER")),)
    shown = approvals_codec.to_message(case, with_officers=True)
    assert (shown.state, shown.decisions[0].outcome) == (0, 0)


VIEWS: list[tuple[Message, Callable[[Any], object]]] = [
    (a_plan(), lambda message: [*plan_views.details(message), plan_views.update_line(message)]),
    (a_plan(), plan_views.exit_of_state),
    (a_geozone(), lambda message: list(zone_views.geozone(message, published=True))),
    (a_geozone(), zone_map.feature_collection),
    (a_geozone(), zone_page.page),
]


@pytest.mark.parametrize(
    ("message", "view"),
    [
        pytest.param(*case.values, view, id=f"{case.id}-{n}")
        for n, (message, view) in enumerate(VIEWS)
        for case in each_later(message)
    ],
)
def test_the_command_shows_it(message: Message, view: Callable[[Any], object]) -> None:
    console = Console(width=200, file=io.StringIO())
    shown = view(message)
    for part in shown if isinstance(shown, list) else ():
        console.print(part)
