"""What follows from the areas of authorities: the defaults of both kinds of maps, and what lies in nobody's area."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import pytest
import shapely
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from lowsky.findings.finding import VOLUMES_NAMED_MAX, Finding, Rule, Severity
from lowsky.flightplans.checks.flight_volumes import draw
from lowsky.flightplans.projections.areas import Areas, KnownAuthority
from lowsky.geo.heights.altitude import ANYWHERE, Datum, VerticalReference
from lowsky.geo.heights.terrain import Terrain
from lowsky.geo.schedules.applicability import Applicability, Daily, Period
from lowsky.geo.volumes.volumes import Volume4D
from lowsky.geo.zones.geozone import Restriction
from lowsky.geo.zones.index import IndexedZone
from lowsky.geofence.areas import AreaIndex, StatedArea
from lowsky.geofence.assessing import look
from tests.unit.flightplans.flights import PORT, START, TOWER, band, box_volume, index, proposal, trajectory, zone

CITY = shapely.box(113, 22, 114, 23)
EAST = shapely.box(114, 22, 115, 23)
PARK = shapely.box(113.4, 22.4, 113.6, 22.6)
CM = 1e-7
"""Degrees of latitude."""
EVERYWHERE = -math.inf
INFORMATION = Severity.INFORMATION
FREE = Restriction.NO_RESTRICTION


def stated(ground: BaseGeometry = CITY, open_below_m: float = math.inf, authority: str = TOWER) -> StatedArea:
    assert isinstance(ground, Polygon)
    return StatedArea(authority, "The tower", ground, open_below_m)


def free(outline: Polygon = PARK, upper_m: float = 120, name: str = "geozones/d.free", **fields: object) -> object:
    fields = {"publisher": TOWER, **fields}
    return zone(outline, FREE, band(0, upper_m), name=name, **fields)  # type: ignore[arg-type]


def found(
    flight: Volume4D,
    *zones: object,
    areas: tuple[StatedArea, ...],
    reference: VerticalReference = ANYWHERE,
) -> list[Finding]:
    """What is asked or forbidden."""
    return [one for one in looked(flight, *zones, areas=areas, reference=reference) if one.severity > INFORMATION]


def looked(
    flight: Volume4D,
    *zones: object,
    areas: tuple[StatedArea, ...],
    reference: VerticalReference = ANYWHERE,
) -> list[Finding]:
    drawn = draw([proposal((flight,))], reference)
    indexed: list[IndexedZone[None]] = zones  # type: ignore[assignment]
    return look(index(*indexed), AreaIndex(areas), drawn.volumes, 1, reference)[0]


def at(outline: Polygon = PARK, lower_m: float = 0, upper_m: float = 100, datum: Datum = Datum.AGL) -> Volume4D:
    return box_volume(outline, band(lower_m, upper_m, datum))


def rules(findings: list[Finding]) -> list[Rule]:
    return [finding.rule for finding in findings]


ASKED, NOBODYS = [Rule.AREA_DEFAULT], [Rule.NOBODYS_AREA]


def test_nothing_is_said_where_no_authority_states_an_area() -> None:
    assert found(at(), areas=()) == []


def test_an_area_without_a_default_is_open() -> None:
    assert found(at(upper_m=5000), areas=(stated(),)) == []


def test_where_authorisation_is_required_everywhere_the_authority_must_decide() -> None:
    (finding,) = found(at(upper_m=1), areas=(stated(open_below_m=EVERYWHERE),))
    assert (finding.rule, finding.severity, finding.deciding) == (Rule.AREA_DEFAULT, Severity.AUTHORIZATION, (TOWER,))
    assert (finding.subject, finding.volumes, finding.altitude_uncertain) == (TOWER, (0,), False)


@pytest.mark.parametrize(
    ("flight", "expected"),
    [
        (at(upper_m=120), []),
        (at(upper_m=120.01), ASKED),
        (at(lower_m=120, upper_m=120), ASKED),
        (at(lower_m=119, upper_m=119), []),
        (at(lower_m=300, upper_m=400), ASKED),
        (at(upper_m=120, datum=Datum.TAKEOFF), ASKED),
    ],
)
def test_an_area_is_open_below_a_height_above_ground(flight: Volume4D, expected: list[Rule]) -> None:
    assert rules(found(flight, areas=(stated(open_below_m=120),))) == expected


def test_what_may_be_above_the_open_height_counts_as_above_and_says_so() -> None:
    plain = VerticalReference(terrain_min_m=0, terrain_max_m=10)
    areas = (stated(open_below_m=120),)
    (finding,) = found(at(upper_m=125, datum=Datum.AMSL), areas=areas, reference=plain)
    assert finding.altitude_uncertain
    assert "It is uncertain whether" in finding.message
    assert found(at(upper_m=119, datum=Datum.AMSL), areas=areas, reference=plain) == []


@pytest.mark.parametrize("open_below_m", [EVERYWHERE, 50.0])
@pytest.mark.parametrize(
    ("permitted", "expected"),
    [
        ([free()], []),
        ([free(upper_m=100)], []),
        ([free(upper_m=99.99)], ASKED),
        ([free(shapely.box(113.4, 22.4, 113.6, 22.6 - CM))], ASKED),
        (
            [
                free(shapely.box(113.4, 22.4, 113.5, 22.6)),
                free(shapely.box(113.5, 22.4, 113.6, 22.6), name="geozones/d.2"),
            ],
            [],
        ),
        ([free(shapely.box(113.4, 22.4, 113.5, 22.6))], ASKED),
        ([free(PARK, 60), free(PARK, name="geozones/d.2")], []),
        ([zone(PARK, Restriction.REQ_AUTHORIZATION, deciding=[PORT])], [Rule.GEOZONE_AUTHORIZATION, Rule.AREA_DEFAULT]),
    ],
)
def test_a_flight_wholly_in_permitted_airspace_needs_no_word(
    open_below_m: float, permitted: list[object], expected: list[Rule]
) -> None:
    assert rules(found(at(), *permitted, areas=(stated(open_below_m=open_below_m),))) == expected


def over_flat_ground(metres: float) -> VerticalReference:
    """By a raster, in a country of 0 to 500 m."""
    terrain = Terrain(np.full((30, 30), metres), west=112.5, north=23.5, step=(0.1, 0.1), error_m=5.0)
    return VerticalReference(terrain_min_m=0, terrain_max_m=500, ground=terrain)


@pytest.mark.parametrize(("upper_m", "asked"), [(214, []), (216, ASKED)])
def test_the_ground_of_the_place_says_how_high_a_flight_is(upper_m: float, asked: list[Rule]) -> None:
    flight = at(lower_m=150, upper_m=upper_m, datum=Datum.AMSL)
    assert rules(found(flight, areas=(stated(open_below_m=120),), reference=over_flat_ground(100))) == asked


@pytest.mark.parametrize(("upper_m", "asked"), [(214, []), (216, ASKED)])
def test_the_ground_of_the_place_says_whether_permitted_airspace_holds_a_flight(
    upper_m: float, asked: list[Rule]
) -> None:
    flight, areas = at(lower_m=150, upper_m=upper_m, datum=Datum.AMSL), (stated(open_below_m=EVERYWHERE),)
    assert rules(found(flight, free(), areas=areas, reference=over_flat_ground(100))) == asked


def test_permitted_airspace_of_a_neighbour_spares_nobody_who_only_borders_on_his_area() -> None:
    areas = (stated(open_below_m=EVERYWHERE), stated(EAST, authority=PORT))
    flight = at(shapely.box(114, 22.4, 114.1, 22.6))
    assert looked(flight, free(shapely.box(113.9, 22.4, 114.1, 22.6)), areas=areas) == []


def test_permitted_airspace_must_hold_the_heights_for_certain() -> None:
    plain = VerticalReference(terrain_min_m=0, terrain_max_m=10)
    areas = (stated(open_below_m=EVERYWHERE),)
    assert rules(found(at(lower_m=10, upper_m=121, datum=Datum.AMSL), free(), areas=areas, reference=plain)) == ASKED
    assert rules(found(at(lower_m=9, upper_m=100, datum=Datum.AMSL), free(), areas=areas, reference=plain)) == ASKED
    assert found(at(lower_m=10, upper_m=120, datum=Datum.AMSL), free(), areas=areas, reference=plain) == []


def test_zones_because_of_which_nobody_is_asked_are_named() -> None:
    west, east = shapely.box(113.4, 22.4, 113.5, 22.6), shapely.box(113.5, 22.4, 113.6, 22.6)
    halves = [free(west), free(east, name="geozones/d.2")]
    areas = (stated(open_below_m=EVERYWHERE),)
    findings = looked(at(), *halves, areas=areas)
    assert {(f.rule, f.severity, f.subject) for f in findings} == {
        (Rule.AREA_PERMITTED, INFORMATION, name) for name in ("geozones/d.free", "geozones/d.2")
    }
    assert rules(looked(at(), halves[0], areas=areas)) == ASKED
    assert looked(at(), *halves, areas=(stated(open_below_m=100),)) == []


SECONDS = START.hour * 3600


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        (Period(START, START + timedelta(minutes=10)), []),
        (Period(START, START + timedelta(minutes=9)), ASKED),
        (Period(START + timedelta(seconds=1)), ASKED),
        (Period(schedule=(Daily(frozenset({START.weekday()}), SECONDS, SECONDS + 600),)), []),
        (Period(schedule=(Daily(frozenset({START.weekday()}), SECONDS, SECONDS + 599),)), ASKED),
        (Period(schedule=(Daily(frozenset({START.weekday()}), SECONDS - 60, SECONDS - 60),)), []),
        (Period(schedule=(Daily(frozenset({(START.weekday() + 1) % 7}), SECONDS, SECONDS + 600),)), ASKED),
        (Period(schedule=(Daily(frozenset({START.weekday()}), SECONDS, SECONDS + 600, uncertain=True),)), ASKED),
    ],
)
def test_permitted_airspace_must_apply_all_the_time(period: Period, expected: list[Rule]) -> None:
    permitted = free(applicability=Applicability((period,)))
    assert rules(found(at(), permitted, areas=(stated(open_below_m=EVERYWHERE),))) == expected


def test_only_the_part_inside_the_area_needs_permitted_airspace() -> None:
    across = shapely.box(113.9, 22.4, 114.1, 22.6)
    areas = (stated(open_below_m=EVERYWHERE), stated(EAST, authority=PORT))
    assert rules(found(at(across), areas=areas)) == ASKED
    assert found(at(across), free(shapely.box(113.9, 22.4, 114, 22.6)), areas=areas) == []


def test_each_authority_is_asked_for_its_area() -> None:
    across = shapely.box(113.9, 22.4, 114.1, 22.6)
    areas = (stated(open_below_m=EVERYWHERE), stated(EAST, 60, PORT))
    assert {one for finding in found(at(across), areas=areas) for one in finding.deciding} == {TOWER, PORT}
    assert [finding.deciding for finding in found(at(across, upper_m=50), areas=areas)] == [(TOWER,)]


def test_who_flies_along_the_border_asks_only_on_the_own_side() -> None:
    areas = (stated(open_below_m=EVERYWHERE), stated(EAST, authority=PORT))
    assert found(at(shapely.box(114, 22.4, 114.1, 22.6)), areas=areas) == []


@pytest.mark.parametrize(
    ("outline", "expected"),
    [
        (shapely.box(113, 22, 115, 23), []),
        (shapely.box(113.9, 22, 114.1, 23), []),
        (shapely.box(113.4, 22.9, 113.6, 23 + CM), NOBODYS),
        (shapely.box(113.4, 22.9, 113.6, 23 + CM / 100), []),
        (shapely.box(114.9, 22.4, 115.1, 22.6), NOBODYS),
        (shapely.box(100, 10, 100.1, 10.1), NOBODYS),
    ],
)
def test_what_lies_in_nobodys_area_blocks(outline: Polygon, expected: list[Rule]) -> None:
    findings = found(at(outline), areas=(stated(), stated(EAST, authority=PORT)))
    assert rules(findings) == expected
    assert all(finding.severity is Severity.BLOCKING and not finding.deciding for finding in findings)


def test_a_hole_of_an_area_is_nobodys() -> None:
    assert rules(found(at(), areas=(stated(CITY - shapely.box(113.5, 22.5, 113.51, 22.51)),))) == NOBODYS


def test_findings_name_the_legs_of_each_plan_of_a_batch() -> None:
    inside, leaving = (113.5, 22.5), (112.9, 22.5)
    drawn = draw(
        [
            proposal(trajectory((113.45, 22.5), inside, (113.55, 22.5))),
            proposal(trajectory(inside, (113.4, 22.5), leaving, (112.8, 22.5))),
        ],
        ANYWHERE,
    )
    areas = AreaIndex([stated(open_below_m=EVERYWHERE)])
    first, second = look(index(free()), areas, drawn.volumes, 2)  # type: ignore[arg-type]
    assert [(f.rule, f.volumes) for f in first] == [(Rule.AREA_PERMITTED, (0, 1))]
    assert [(f.rule, f.volumes) for f in second] == [(Rule.NOBODYS_AREA, (1, 2)), (Rule.AREA_DEFAULT, (0, 1))]
    assert second[0].message.startswith("Legs 2 to 3: ")


KNOWN = KnownAuthority("The tower", "CHN", 30)


def test_an_authority_that_is_not_understood_stops_the_worker_until_it_says_anew() -> None:
    areas = Areas()
    areas.learn(TOWER, KNOWN, stated())
    assert areas.index.areas == (stated(),)
    areas.unreadable(TOWER, "the area is empty")
    assert f"{TOWER} (the area is empty)" in str(areas.problem)
    areas.learn(TOWER, KNOWN, None)
    assert areas.problem is None
    assert len(areas.index.areas) == 0


def test_areas_are_the_same_by_what_is_stated_and_not_by_when_it_was_read() -> None:
    one, other = Areas(), Areas()
    empty = one.stated
    one.learn(TOWER, KNOWN, stated())
    one.learn(PORT, KNOWN, stated(EAST, authority=PORT))
    other.learn(PORT, KNOWN, stated(EAST, authority=PORT))
    other.learn(TOWER, KNOWN, stated(PARK))
    other.read_up_to(7)
    assert one.stated.is_overtaken_by(other.stated.read, other.stated.digest)
    assert not other.stated.is_overtaken_by(one.stated.read, one.stated.digest)
    other.learn(TOWER, KNOWN, stated())
    assert one.stated.digest == other.stated.digest
    assert not one.stated.is_overtaken_by(other.stated.read, other.stated.digest)
    for changed in (stated(open_below_m=50), StatedArea(TOWER, "Called otherwise", CITY), None):
        other.learn(TOWER, KNOWN, changed)
        assert one.stated.digest != other.stated.digest
    one.remove(TOWER)
    assert one.stated.digest == other.stated.digest != empty.digest


def test_what_somebody_else_publishes_as_free_does_not_open_the_area() -> None:
    areas = (stated(open_below_m=EVERYWHERE),)
    assert found(at(), free(), areas=areas) == []
    assert rules(found(at(), free(publisher=PORT), areas=areas)) == ASKED
    assert rules(looked(at(), free(publisher=PORT), areas=areas)) == ASKED


def test_findings_of_an_area_that_name_the_first_legs_say_how_many_there_are() -> None:
    zigzag = trajectory(*((113.5 + n % 2 * 0.002, 22.5) for n in range(VOLUMES_NAMED_MAX + 201)))
    drawn = draw([proposal(zigzag)], ANYWHERE)
    for ground, rule in ((CITY, Rule.AREA_DEFAULT), (EAST, Rule.NOBODYS_AREA)):
        (finding,) = look(index(), AreaIndex([stated(ground, EVERYWHERE)]), drawn.volumes, 1, ANYWHERE)[0]
        assert (finding.rule, len(finding.volumes), finding.volumes_left_out) == (rule, VOLUMES_NAMED_MAX, 200)
        assert finding.message.startswith("Legs 1 to 500 and 200 more")


def test_areas_of_a_topic_that_was_lost_count_until_they_are_stated_anew() -> None:
    areas = Areas()
    for read, name in enumerate((TOWER, PORT), start=8):
        areas.read_up_to(read)
        areas.learn(name, KNOWN, stated(authority=name))
    before = areas.stated
    assert before.is_whole
    areas.read_up_to(1)  # the first event of another topic
    areas.learn(TOWER, KNOWN, stated())
    assert not areas.stated.is_whole
    assert (areas.stated.digest, areas.stated.read) == (before.digest, 1)
    areas.read_up_to(2)
    areas.learn(PORT, KNOWN, stated(authority=PORT))
    assert areas.stated.is_whole
