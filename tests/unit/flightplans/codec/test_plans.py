from datetime import timedelta

import pytest

from lowsky.api.events.v1 import events_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from lowsky.errors import Invalid
from lowsky.findings.finding import Finding, Rule, Severity
from lowsky.flightplans.codec import plans
from lowsky.flightplans.domain.plan import Happening, State
from lowsky.geo.heights.altitude import Datum
from lowsky.geo.volumes.trajectory import Trajectory
from tests.unit.flightplans.flights import DRONE, OPERATOR, PARK, START, TOWER, band, plan

DATUMS = list(geo_pb2.AltitudeDatum.keys())[1:]


def asked(*offsets: float) -> pb.FlightPlan:
    message = pb.FlightPlan(aircraft=DRONE, reference="parcel 17")
    message.trajectory.departure_time.FromDatetime(START)
    message.trajectory.horizontal_buffer_m = 20
    message.trajectory.time_buffer.FromSeconds(30)
    for n, offset in enumerate(offsets):
        message.trajectory.waypoints.add(
            longitude=113 + n / 100,
            latitude=22,
            altitude_m=50,
            altitude_datum=geo_pb2.ALTITUDE_DATUM_AGL,
            offset_s=offset,
        )
    return message


def test_a_flight_begins_before_and_ends_after_the_fractions_that_are_cut_off() -> None:
    """Of its departure, its buffer and its waypoints; of volumes and off-nominal volumes see tests/unit/geo."""
    message = asked(0.0, 60.0, 120.0 + 2e-7)
    micro = 1e-6
    for departure, buffer, start, middle, end in (
        (0, 0, 0, 0, 1),
        (100, 0, 0, 1, 1),
        (0, 100, -1, 1, 1),
        (999, 999, 0, 2, 3),
    ):
        message.trajectory.departure_time.nanos, message.trajectory.time_buffer.nanos = departure, buffer
        airspace = plans.proposal_of(OPERATOR, message).airspace
        assert isinstance(airspace, Trajectory)
        first, last = airspace.windows_s
        assert first[0] - START.timestamp() + 30.0 == pytest.approx(start * micro, abs=0.3 * micro)
        assert first[1] - START.timestamp() - 90.0 == pytest.approx(middle * micro, abs=0.3 * micro)
        assert last[1] - START.timestamp() - 150.0 == pytest.approx(end * micro, abs=0.3 * micro)


def test_a_departure_is_the_microsecond_before() -> None:
    message = asked(0.0, 60.0)
    message.trajectory.departure_time.nanos = 1_999
    assert plans.proposal_of(OPERATOR, message).departure == START + timedelta(microseconds=1)


FULL = Finding(
    Rule.GEOZONE_AUTHORIZATION,
    Severity.AUTHORIZATION,
    "geozones/d.z",
    "The zone",
    (0, 3),
    "Ask the tower.",
    plan_altitude=band(90, 110),
    subject_altitude=band(0, 500, Datum.AMSL, Datum.WGS84),
    start_s=START.timestamp() + 0.25,
    end_s=START.timestamp() + 600,
    altitude_uncertain=True,
    plan_amsl_m=(12.5, 45.0),
    subject_amsl_m=(-float("inf"), 120.0),
    deciding=(TOWER,),
    notified=(PARK,),
    terms="0123456789abcdef",
)
BARE = Finding(Rule.ENDURANCE_EXCEEDED, Severity.BLOCKING, DRONE, "a1", (), "Too long.")
OPEN = Finding(
    Rule.GEOZONE_USPACE,
    Severity.INFORMATION,
    "geozones/d.u",
    "u",
    (1,),
    "",
    subject_altitude=band(-float("inf"), float("inf")),
)


@pytest.mark.parametrize("findings", [(), (FULL,), (FULL, BARE, OPEN)])
def test_findings_survive_the_way_to_the_database_and_back(findings: tuple[Finding, ...]) -> None:
    stored = plan(findings=findings)
    assert plans.assessment_from_bytes(plans.assessment_to_bytes(stored)) == (findings, ())
    assert stored.touch(["authorities/tower", "authorities/port"])
    touched = ("authorities/port", "authorities/tower")
    assert plans.assessment_from_bytes(plans.assessment_to_bytes(stored)) == (findings, touched)


def test_what_the_server_says_is_all_that_is_taken_out_of_a_request() -> None:
    """The proto numbers what is asked for from 5 to 19 and from 31, and marks the rest as output only."""
    message = asked(0, 60)
    for field in pb.FlightPlan.DESCRIPTOR.fields:
        if field.number not in {*range(5, 20), *range(31, 50)}:
            if field.is_repeated and field.message_type:
                getattr(message, field.name).add()
            elif field.is_repeated:
                getattr(message, field.name).append("x")
            elif field.message_type:
                getattr(message, field.name).SetInParent()
            else:
                setattr(message, field.name, "x" if field.type == field.TYPE_STRING else 1)
    content = pb.FlightPlan.FromString(plans.proposal_of(OPERATOR, message).content)
    assert content == asked(0, 60)


def test_a_request_cannot_say_what_the_server_says() -> None:
    message = asked(0, 60)
    clean = plans.proposal_of(OPERATOR, message).content
    message.state = pb.STATE_APPROVED
    message.name = "operators/o1/flightPlans/mine"
    message.deciding_authorities.append(TOWER)
    message.findings.add(message="fine")
    message.MergeFromString(b"\xaa\x06\x07padding")
    assert plans.proposal_of(OPERATOR, message).content == clean


def test_a_plan_is_told_with_all_that_was_asked_for_and_found() -> None:
    content = plans.proposal_of(OPERATOR, asked(0, 60)).content
    told = plan(State.APPROVED, content=content, findings=(FULL,), approval="approvals/a", approval_number="LS-1")
    happening = Happening("approved", State.UNDER_REVIEW, (PARK,))
    event = events_pb2.FlightPlanEvent.FromString(plans.to_event(told, happening))
    assert list(event.asks) == [PARK]
    assert event.previous_state == pb.STATE_UNDER_REVIEW
    assert (event.flight_plan.name, event.flight_plan.etag) == (told.name, "1")
    assert event.flight_plan.reference == "parcel 17"
    assert len(event.flight_plan.trajectory.waypoints) == 2
    assert list(event.flight_plan.deciding_authorities) == [TOWER]
    assert list(event.flight_plan.notified_authorities) == [PARK]


def test_a_plan_that_changes_after_it_was_told_is_told_anew() -> None:
    told = plan(findings=(FULL,), content=plans.proposal_of(OPERATOR, asked(0, 60)).content)
    before = plans.to_message(told)
    assert plans.to_bytes(told) is plans.to_bytes(told)
    told.assess([BARE], 7)
    after = plans.to_message(told)
    assert (before.state, after.state) == (pb.STATE_SUBMITTED, pb.STATE_REJECTED)
    assert [finding.message for finding in after.findings] == [BARE.message]
    assert after.airspace_revision == 7


@pytest.mark.parametrize("key", ["", "parcel 17"])
def test_an_answer_on_a_stream_is_the_answer_with_its_key(key: str) -> None:
    told = plan(findings=(FULL,), content=plans.proposal_of(OPERATOR, asked(0, 60)).content)
    answer = pb.SubmitFlightPlansResponse.FromString(plans.to_stream_answer(key, plans.to_answer(told)))
    assert answer == pb.SubmitFlightPlansResponse(key=key, flight_plan=plans.to_message(told))


@pytest.mark.parametrize(("offsets", "waypoint"), [((0, 60, 59.9), 2), ((60, 0, 60), 1), ((0, 10, 5, 0), 2)])
def test_a_waypoint_that_is_reached_before_the_one_before_is_named(offsets: tuple[float, ...], waypoint: int) -> None:
    with pytest.raises(Invalid) as refused:
        plans.proposal_of(OPERATOR, asked(*offsets))
    assert refused.value.reason == "INTERVAL_REVERSED"
    assert refused.value.fields[0].field == f"flight_plan.trajectory.waypoints[{waypoint}].offset_s"


def test_a_leg_may_take_no_time_only_with_time_around_it() -> None:
    plans.proposal_of(OPERATOR, asked(0, 60, 60))
    message = asked(0, 60, 60)
    message.trajectory.ClearField("time_buffer")
    with pytest.raises(Invalid) as refused:
        plans.proposal_of(OPERATOR, message)
    assert (refused.value.reason, refused.value.fields[0].field) == ("INVALID_GEOMETRY", "flight_plan.trajectory")


def test_each_waypoint_keeps_its_datum() -> None:
    message = asked(*range(len(DATUMS)))
    for waypoint, name in zip(message.trajectory.waypoints, DATUMS, strict=True):
        waypoint.altitude_datum = geo_pb2.AltitudeDatum.Value(name)
    airspace = plans.proposal_of(OPERATOR, message).airspace
    assert isinstance(airspace, Trajectory)
    assert airspace.datums.tolist() == [Datum(name.removeprefix("ALTITUDE_DATUM_")).code for name in DATUMS]


def ready_made(vertices: int, count: int, lasts: timedelta) -> pb.FlightPlan:
    message = pb.FlightPlan(aircraft=DRONE)
    for _ in range(count):
        volume = message.volumes.volumes.add()
        volume.time_start.FromDatetime(START)
        volume.time_end.FromDatetime(START + lasts)
        volume.altitude.lower_datum = volume.altitude.upper_datum = geo_pb2.ALTITUDE_DATUM_AGL
        ring = [(113.5, 21 + n / 1e4) for n in range(vertices - 1)] + [(113.6, 21.0)]
        volume.outline_polygon.vertices.extend(geo_pb2.LatLng(longitude=x, latitude=y) for x, y in ring)
    return message


@pytest.mark.parametrize(
    ("vertices", "count", "lasts", "limit"),
    [
        (1_000, 10, timedelta(minutes=1), None),
        (1_001, 10, timedelta(minutes=1), "10000"),
        (3, 1, timedelta(days=10), None),
        (3, 1, timedelta(days=10, seconds=1), "864000"),
    ],
)
def test_volumes_have_limits(vertices: int, count: int, lasts: timedelta, limit: str | None) -> None:
    message = ready_made(vertices, count, lasts)
    if limit is None:
        assert plans.proposal_of(OPERATOR, message).departure == START
        return
    with pytest.raises(Invalid) as refused:
        plans.proposal_of(OPERATOR, message)
    assert (refused.value.reason, refused.value.metadata) == ("TOO_LARGE", {"limit": limit})


@pytest.mark.parametrize("state", State)
def test_every_state_has_its_number(state: State) -> None:
    assert plans.state_from(plans.to_message(plan(state)).state) is state
