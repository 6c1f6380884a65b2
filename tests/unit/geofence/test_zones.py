from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import shapely
from shapely import Polygon

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.findings.codec import finding_from_message, finding_to_message
from lowsky.findings.finding import VOLUMES_NAMED_MAX, Finding, Rule, Severity
from lowsky.flightplans.checks.flight_volumes import draw
from lowsky.geo.heights.altitude import ANYWHERE, AltitudeBand, Datum, VerticalReference
from lowsky.geo.schedules.applicability import Applicability, Daily, Period
from lowsky.geo.volumes.trajectory import Trajectory
from lowsky.geo.volumes.volumes import Volume4D
from lowsky.geo.zones.geozone import Layer, LocalizedText, Purpose, Restriction, ZoneAuthority
from lowsky.geo.zones.index import IndexedZone
from lowsky.geofence.zones import RUNS_NAMED_MAX, TITLE_MAX, geofence
from lowsky.open_enums import text_member
from tests.unit.flightplans.flights import (
    PARK,
    PORT,
    START,
    TOWER,
    band,
    box_volume,
    index,
    proposal,
    square,
    trajectory,
    zone,
)

HERE = (113.0, 22.0)
AREA = square(HERE)
ACROSS = trajectory((112.95, 22.0), (113.05, 22.0))
"""One leg through the area from one side to the other: neither waypoint lies in it."""

FLAT = VerticalReference(terrain_min_m=0, terrain_max_m=50, geoid_min_m=-10, geoid_max_m=0)


def found(
    airspace: Trajectory | tuple[Volume4D, ...],
    *zones: IndexedZone[None],
    reference: VerticalReference = ANYWHERE,
) -> list[Finding]:
    drawn = draw([proposal(airspace)], reference)
    assert not drawn.refused
    return geofence(index(*zones), drawn.volumes, 1, reference)[0]


def only(findings: list[Finding]) -> Finding:
    (finding,) = findings
    return finding


def at_height(lower_m: float, upper_m: float, datum: Datum = Datum.AGL) -> tuple[Volume4D]:
    return (box_volume(AREA, band(lower_m, upper_m, datum)),)


def test_a_leg_meets_a_zone_that_contains_neither_of_its_waypoints() -> None:
    finding = only(found(ACROSS, zone(AREA)))
    assert (finding.rule, finding.severity) == (Rule.GEOZONE_PROHIBITED, Severity.BLOCKING)
    assert finding.volumes == (0,)


def test_a_plan_beside_the_zone_meets_nothing() -> None:
    assert found(trajectory((112.95, 22.05), (113.05, 22.05)), zone(AREA)) == []


def test_nothing_is_found_where_there_is_no_zone() -> None:
    assert found(ACROSS) == []


@pytest.mark.parametrize(
    ("restriction", "deciding", "notified", "rule", "severity", "names"),
    [
        (Restriction.PROHIBITED, [TOWER], [], Rule.GEOZONE_PROHIBITED, Severity.BLOCKING, ()),
        (Restriction.REQ_AUTHORIZATION, [TOWER], [], Rule.GEOZONE_AUTHORIZATION, Severity.AUTHORIZATION, (TOWER,)),
        (Restriction.REQ_AUTHORIZATION, [], [], Rule.GEOZONE_AUTHORIZATION, Severity.BLOCKING, ()),
        (Restriction.REQ_AUTHORIZATION, [None], [PARK], Rule.GEOZONE_AUTHORIZATION, Severity.BLOCKING, ()),
        (
            Restriction.REQ_AUTHORIZATION,
            [None, PORT, PORT],
            [],
            Rule.GEOZONE_AUTHORIZATION,
            Severity.AUTHORIZATION,
            (PORT,),
        ),
        (Restriction.CONDITIONAL, [TOWER], [], Rule.GEOZONE_CONDITIONAL, Severity.AUTHORIZATION, (TOWER,)),
        (Restriction.CONDITIONAL, [], [], Rule.GEOZONE_CONDITIONAL, Severity.BLOCKING, ()),
        (Restriction.USPACE, [TOWER], [], Rule.GEOZONE_USPACE, Severity.AUTHORIZATION, (TOWER,)),
        (Restriction.USPACE, [], [PARK], Rule.GEOZONE_USPACE, Severity.NOTIFICATION, ()),
        (Restriction.USPACE, [], [], Rule.GEOZONE_USPACE, Severity.INFORMATION, ()),
        (Restriction.USPACE, [None], [PARK], Rule.GEOZONE_USPACE, Severity.BLOCKING, ()),
        (Restriction.USPACE, [], [None], Rule.GEOZONE_USPACE, Severity.NOTIFICATION, ()),
        (Restriction.NO_RESTRICTION, [], [None], Rule.GEOZONE_NOTIFICATION, Severity.NOTIFICATION, ()),
        (Restriction.NO_RESTRICTION, [None], [], Rule.GEOZONE_NOTIFICATION, Severity.INFORMATION, ()),
        (Restriction.NO_RESTRICTION, [], [PARK], Rule.GEOZONE_NOTIFICATION, Severity.NOTIFICATION, ()),
    ],
)
def test_a_restriction_decides_what_follows(
    restriction: Restriction,
    deciding: list[str | None],
    notified: list[str | None],
    rule: Rule,
    severity: Severity,
    names: tuple[str, ...],
) -> None:
    finding = only(found(ACROSS, zone(AREA, restriction, deciding=deciding, notified=notified)))
    assert (finding.rule, finding.severity, finding.deciding) == (rule, severity, names)
    assert finding.notified == tuple(each for each in notified if each)


def test_a_zone_that_asks_nothing_and_wants_nobody_notified_is_no_finding() -> None:
    assert found(ACROSS, zone(AREA, Restriction.NO_RESTRICTION)) == []
    assert found(ACROSS, naming(Purpose.INFORMATION)) == []


def naming(
    purpose: Purpose, restriction: Restriction = Restriction.NO_RESTRICTION, count: int = 1
) -> IndexedZone[None]:
    """A zone that names authorities which nobody registered."""
    office = ZoneAuthority(
        (LocalizedText("Nature office"),),
        purpose,
        contacts=(LocalizedText("Ms Li"),),
        phone="+86 1",
        email="li@park.example",
        interval_before=timedelta(days=20),
    )
    plain = zone(AREA, restriction)
    return replace(plain, geozone=replace(plain.geozone, authorities=(office,) * count))


@pytest.mark.parametrize("restriction", list(Restriction))
def test_whom_a_zone_wants_notified_and_nobody_registered_is_named_with_the_published_contact(
    restriction: Restriction,
) -> None:
    finding = only(found(ACROSS, naming(Purpose.NOTIFICATION, restriction)))
    assert (
        "Notify Nature office (Ms Li, +86 1, li@park.example), 20 days before the flight: not registered here"
        in finding.message
    )
    assert finding.notified == ()


@pytest.mark.parametrize("restriction", [Restriction.REQ_AUTHORIZATION, Restriction.CONDITIONAL, Restriction.USPACE])
def test_an_authorization_that_nobody_registered_can_give_blocks_and_says_who_would(restriction: Restriction) -> None:
    finding = only(found(ACROSS, naming(Purpose.AUTHORIZATION, restriction)))
    assert finding.severity is Severity.BLOCKING
    assert "Nature office (Ms Li" in finding.message


def test_of_many_authorities_that_nobody_registered_the_first_are_named_and_the_others_counted() -> None:
    message = only(found(ACROSS, naming(Purpose.NOTIFICATION, count=8))).message
    assert message.count("Nature office") == 5
    assert "and 3 more" in message


def test_a_finding_that_names_the_first_legs_says_how_many_there_are() -> None:
    zigzag = trajectory(*((112.999 + n % 2 * 0.002, 22.0) for n in range(VOLUMES_NAMED_MAX + 201)))
    finding = only(found(zigzag, zone(AREA)))
    assert finding.volumes == tuple(range(VOLUMES_NAMED_MAX))
    assert finding.volumes_left_out == 200
    assert finding.message.startswith("Legs 1 to 500 and 200 more at")
    message = finding_to_message(finding)
    assert message.volumes_count == 700
    assert finding_from_message(assessment_pb2.Finding.FromString(message.SerializeToString())) == finding


def test_several_layers_of_a_zone_are_one_finding_over_all_of_their_heights() -> None:
    layers = [Layer(AREA, band(0, 60)), Layer(AREA, band(80, 95)), Layer(AREA, band(300, 400))]
    finding = only(found(at_height(50, 90), zone(layers)))
    assert finding.subject_altitude == band(0, 95)


def test_legs_of_a_plan_that_meet_a_zone_are_one_finding_and_named() -> None:
    there_and_back = trajectory((112.95, 22.0), (113.05, 22.0), (113.05, 22.05), (112.95, 22.05), (113.0, 22.0))
    finding = only(found(there_and_back, zone(AREA, title="Old town")))
    assert finding.volumes == (0, 3)
    assert "Legs 1, 4 at 90–110 m above ground" in finding.message
    assert "Old town (0–500 m above ground)" in finding.message
    assert "2026-05-01 10:00:00Z" in finding.message
    assert (finding.start_s, finding.end_s) == (START.timestamp(), START.timestamp() + 240)


def test_each_plan_of_a_batch_has_its_own_findings() -> None:
    beside = trajectory((112.95, 22.05), (113.05, 22.05))
    drawn = draw([proposal(ACROSS), proposal(beside), proposal(at_height(0, 50)), proposal(ACROSS)], ANYWHERE)
    high = zone(AREA, altitude=band(90, 200), name="geozones/d.high")
    low = zone(AREA, altitude=band(0, 50), name="geozones/d.low")
    findings = geofence(index(high, low), drawn.volumes, 4)
    assert [[finding.subject for finding in each] for each in findings] == [
        ["geozones/d.high"],
        [],
        ["geozones/d.low"],
        ["geozones/d.high"],
    ]


def test_zones_without_a_name_are_called_by_their_identifier() -> None:
    assert only(found(ACROSS, zone(AREA, title=""))).subject_title == "z"


def test_titles_of_pages_are_cut() -> None:
    finding = only(found(ACROSS, zone(AREA, title="x" * 20_000)))
    assert len(finding.subject_title) == TITLE_MAX
    assert len(finding.message) < 600


def test_a_text_names_only_the_first_runs_of_many_legs() -> None:
    zigzag = [(112.95 if n % 2 else 113.05, 22.0 if n % 3 else 22.05) for n in range(100)]
    finding = only(found(trajectory(*zigzag), zone(AREA)))
    assert "…" in finding.message
    assert finding.message.split(" at ")[0].count(",") == RUNS_NAMED_MAX


# Altitude


@pytest.mark.parametrize(
    ("lower_m", "upper_m", "inside"),
    [
        (0, 100, False),  # its ceiling is the zone's floor: touching is not meeting
        (0, 100.001, True),
        (100, 150, True),  # exactly at the floor is inside
        (100, 100, True),  # level flight on the floor
        (199.999, 300, True),
        (200, 300, False),  # exactly at the ceiling is outside
        (200, 200, False),
    ],
)
def test_heights_of_one_datum_are_half_open(lower_m: float, upper_m: float, inside: bool) -> None:
    findings = found(at_height(lower_m, upper_m), zone(AREA, altitude=band(100, 200)))
    assert [finding.altitude_uncertain for finding in findings] == [False] * inside


@pytest.mark.parametrize(
    ("height_m", "meets", "uncertain"),
    [
        (149, True, False),  # 149 AGL is 149 to 199 AMSL: inside 120 to 200 for sure
        (160, True, True),  # up to 210 AMSL
        (199, True, True),
        (200, False, False),
        (70, True, True),
        (69, False, False),  # at most 119 AMSL
    ],
)
def test_heights_of_two_datums_meet_where_they_may(height_m: float, meets: bool, uncertain: bool) -> None:
    flight = (box_volume(AREA, band(height_m, height_m)),)
    findings = found(flight, zone(AREA, altitude=band(120, 200, Datum.AMSL)), reference=FLAT)
    assert [finding.altitude_uncertain for finding in findings] == [uncertain] * meets
    assert all(("It is uncertain whether" in finding.message) is uncertain for finding in findings)


def test_an_uncertain_finding_says_how_high_plan_and_zone_may_be() -> None:
    flight = (box_volume(AREA, band(160, 170)), box_volume(AREA, band(180, 190)))
    finding = only(found(flight, zone(AREA, altitude=band(120, 200, Datum.AMSL)), reference=FLAT))
    assert (finding.plan_amsl_m, finding.subject_amsl_m) == ((160.0, 240.0), (120.0, 200.0))
    assert "the flight may be 160 to 240 m above sea level there, the zone 120 to 200 m" in finding.message


def test_an_open_zone_is_said_to_be_open() -> None:
    above = AltitudeBand(180, Datum.AMSL, float("inf"), Datum.AMSL)
    finding = only(found((box_volume(AREA, band(160, 170)),), zone(AREA, altitude=above), reference=FLAT))
    assert finding.subject_amsl_m == (180.0, float("inf"))
    assert "the zone 180 m above sea level and higher." in finding.message


@pytest.mark.parametrize(("height_m", "meets"), [(50.0, True), (49.99, False)])
def test_a_floor_hit_exactly_is_entered_and_one_a_centimetre_above_is_not(height_m: float, meets: bool) -> None:
    findings = found((box_volume(AREA, band(height_m, height_m)),), zone(AREA, altitude=band(50, 120)))
    assert [finding.altitude_uncertain for finding in findings] == [False] * meets
    assert all(finding.plan_amsl_m is None for finding in findings)


def test_one_certain_touch_makes_the_finding_certain() -> None:
    flight = (box_volume(AREA, band(160, 160)), box_volume(AREA, band(140, 140)))
    finding = only(found(flight, zone(AREA, altitude=band(120, 200, Datum.AMSL)), reference=FLAT))
    assert (finding.volumes, finding.altitude_uncertain) == ((0, 1), False)


def test_a_zone_without_limits_is_met_at_any_height() -> None:
    open_zone = zone(AREA, altitude=band(-np.inf, np.inf, Datum.AMSL))
    finding = only(found(at_height(5_000, 6_000), open_zone))
    assert "(the ground upwards)" in finding.message


def test_a_descent_below_the_take_off_point_is_described() -> None:
    # 0 to 20 m above a take-off point at 500 m, then down to 300 m above sea level.
    flight = trajectory(
        (112.99, 22.0),
        (112.995, 22.0),
        (113.0, 22.0),
        (113.005, 22.0),
        height_m=[0, 20, 300, 290],
        datum=[Datum.TAKEOFF, Datum.TAKEOFF, Datum.AMSL, Datum.AMSL],
        takeoff_amsl_m=500,
    )
    finding = only(found(flight, zone(AREA, altitude=band(0, 9_000, Datum.AMSL))))
    assert finding.volumes == (0, 1, 2)
    assert finding.plan_altitude == band(280, 530, Datum.AMSL)


BANDS = [
    band(0, 100),
    band(50, 60, Datum.AMSL),
    band(900, 1_000, Datum.WGS84),
    band(-10, 5, Datum.TAKEOFF),
    band(10, 3, Datum.AGL, Datum.AMSL),
    band(700, 2, Datum.WGS84, Datum.AGL),
    AltitudeBand(-np.inf, Datum.AGL, np.inf, Datum.AMSL),
    AltitudeBand(0, Datum.TAKEOFF, 100, Datum.AMSL, takeoff_amsl_m=80),
]


@pytest.mark.parametrize("first", BANDS)
@pytest.mark.parametrize("second", BANDS)
def test_any_two_bands_have_an_envelope(first: AltitudeBand, second: AltitudeBand) -> None:
    everywhere = zone([Layer(AREA, first), Layer(AREA, second)], altitude=None)
    flight = (box_volume(AREA, first), box_volume(AREA, second))
    for finding in found(flight, everywhere, zone(AREA, altitude=band(-np.inf, np.inf), name="geozones/d.all")):
        assert finding.plan_altitude is not None
        floors = [each.resolved()[0] for each in (first, second)]
        assert finding.plan_altitude.lower_m in floors
        assert finding.message


# Time


def applying(start_hour: int, end_hour: int, *, days: frozenset[int] | None = None) -> Applicability:
    if days is None:
        day = datetime(2026, 5, 1, tzinfo=UTC)
        return Applicability((Period(day.replace(hour=start_hour), day.replace(hour=end_hour)),))
    return Applicability((Period(schedule=(Daily(days, start_hour * 3600, end_hour * 3600),)),))


# The flight is in the air from 10:00 until before 10:10, on a Friday.
@pytest.mark.parametrize(
    ("times", "meets"),
    [
        (applying(8, 10), False),
        (applying(8, 11), True),
        (applying(10, 11), True),
        (applying(11, 12), False),
        (applying(8, 10, days=frozenset({4})), False),
        (applying(10, 12, days=frozenset({4})), True),
        (applying(10, 12, days=frozenset({5, 6})), False),
        (applying(22, 11, days=frozenset({3})), True),  # over midnight from Thursday
    ],
)
def test_a_zone_counts_while_it_applies(times: Applicability, meets: bool) -> None:
    assert bool(found(at_height(50, 90), zone(AREA, applicability=times))) is meets


def test_only_the_legs_that_fly_while_the_zone_applies_are_named() -> None:
    slow = trajectory((112.995, 22.0), (113.0, 22.0), (113.005, 22.0), leg_s=3_600)
    assert only(found(slow, zone(AREA, applicability=applying(11, 12)))).volumes == (1,)


# Shapes


def test_a_hole_in_a_zone_is_free() -> None:
    ring = square(HERE, 0.05) - square(HERE, 0.02)
    assert isinstance(ring, Polygon)
    inside = trajectory((112.99, 22.0), (113.01, 22.0))
    assert found(inside, zone(ring)) == []
    assert found(trajectory((112.99, 22.0), (113.04, 22.0)), zone(ring)) != []


def test_a_zone_and_a_flight_meet_across_the_antimeridian() -> None:
    area = shapely.MultiPolygon([shapely.box(179.9, -17, 180, -16.9), shapely.box(-180, -17, -179.9, -16.9)])
    flight = trajectory((179.85, -16.95), (-179.95, -16.95), (-179.8, -16.95), leg_s=600)
    assert only(found(flight, zone(area))).volumes == (0, 1)
    assert found(trajectory((179.85, -16.8), (-179.95, -16.8)), zone(area)) == []


def test_edges_that_touch_do_not_meet() -> None:
    beside = shapely.box(113.01, 21.99, 113.03, 22.01)
    assert found((box_volume(beside, band(0, 50)),), zone(AREA)) == []


def test_a_restriction_of_a_later_version_prohibits() -> None:
    finding = only(found(ACROSS, zone(AREA, text_member(Restriction, "LATER"))))
    assert (finding.rule, finding.severity) == (Rule.GEOZONE_PROHIBITED, Severity.BLOCKING)
    assert "LATER" in finding.message
