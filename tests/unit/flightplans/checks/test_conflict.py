"""What a conflict says: where, when and how high flights overlap, from either side, and nothing of whose they are."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from shapely import Point, Polygon

from lowsky.findings.codec import finding_from_message, finding_to_message
from lowsky.findings.finding import VOLUMES_NAMED_MAX, Rule, Severity
from lowsky.flightplans.checks.conflict import (
    OUTLINES_MAX,
    VERTICES_MAX,
    FlightOverlap,
    meetings,
    others_give_way,
    others_in_the_way,
)
from lowsky.geo.heights.altitude import Datum, VerticalReference
from lowsky.geo.volumes.stored_volumes import Run, StoredVolumes
from lowsky.geo.volumes.volumes import Volume4D, Volumes
from tests.unit.flightplans.flights import START, band, box_volume, square

REFERENCE = VerticalReference(0, 50, 9, 10)
HERE = (121.47, 31.23)
S = START.timestamp()


def met(ours: list[Volume4D], *others: list[Volume4D]) -> list[FlightOverlap]:
    """Of one plan with each of the others, all of which it meets."""
    plans = [ours, *others]
    volumes = Volumes.of(plans)
    stored = StoredVolumes(len(volumes))
    stored.add(volumes)
    firsts = np.cumsum([0, *map(len, plans)])
    runs = [Run(int(first), len(plan)) for first, plan in zip(firsts, plans, strict=False)]
    pairs = [runs[0]] * len(others), runs[1:]
    found = meetings(stored, stored.overlaps(*pairs, REFERENCE), *pairs, REFERENCE)
    return [found[n] for n in range(len(others))]


def test_a_conflict_says_where_when_and_how_high_from_either_side() -> None:
    ours = [
        box_volume(square((0, 0)), band(0, 10)),
        box_volume(square(HERE), band(20, 60)),
        box_volume(square(HERE), band(50, 90), minutes=20),
    ]
    theirs = [box_volume(square((HERE[0] + 0.01, HERE[1])), band(40, 80), minutes=30)]
    (meeting,) = met(ours, theirs)
    finding = meeting.finding(Rule.CONFLICT, "id")
    assert (finding.severity, finding.subject, finding.volumes) == (
        Severity.BLOCKING,
        "operators/-/flightPlans/id",
        (1, 2),
    )
    assert (finding.plan_altitude, finding.subject_altitude) == (band(20, 90), band(40, 80))
    assert (finding.start_s, finding.end_s) == (S, S + 20 * 60)
    assert not finding.altitude_uncertain
    shared = shapely.box(HERE[0], HERE[1] - 0.01, HERE[0] + 0.01, HERE[1] + 0.01)
    assert all(shapely.equals_exact(outline, shared, 1e-9, normalize=True) for outline in finding.overlap_outlines)
    assert finding.message == (
        "Legs 2 to 3 at 20–90 m above ground, from 2026-05-01 10:00:00Z until 10:20:00Z, overlap another flight. "
        "Plan around, above or below it, or at another time."
    )
    other = meeting.finding(Rule.DISPLACED_BY_PRIORITY, "id", reverse=True)
    assert (other.volumes, other.plan_altitude, other.subject_altitude) == ((0,), band(40, 80), band(20, 90))
    assert other.message.startswith(
        "Leg 1 at 40–80 m above ground, from 2026-05-01 10:00:00Z until 10:20:00Z, overlaps"
    )
    assert finding_from_message(finding_to_message(finding)) == finding


def test_a_finding_names_nobody() -> None:
    volumes = [box_volume(square(HERE), band(0, 10))]
    (meeting,) = met(volumes, volumes)
    for rule in (Rule.CONFLICT, Rule.PRIORITY_OVER, Rule.DISPLACED_BY_PRIORITY, Rule.OFF_NOMINAL):
        finding = meeting.finding(rule, "id")
        assert (finding.subject_title, finding.deciding, finding.notified) == ("another flight", (), ())
    assert meeting.finding(Rule.DISPLACED_BY_PRIORITY, "id", under_way=True).severity is Severity.NOTIFICATION


def test_a_conflict_is_uncertain_where_no_pair_of_volumes_overlaps_for_certain() -> None:
    above_ground = box_volume(square(HERE), band(20, 60))
    perhaps, surely = (box_volume(square(HERE), band(*limits, Datum.AMSL)) for limits in ((100, 120), (55, 75)))
    one, both = met([above_ground], [perhaps], [perhaps, surely])
    assert one.uncertain
    assert not both.uncertain


def test_several_meetings_are_told_apart() -> None:
    ours = [box_volume(square((HERE[0] + 0.1 * n, HERE[1])), band(20, 60)) for n in range(4)]
    found = met(ours, [ours[3]], [ours[1], ours[0]], [box_volume(shapely.box(121, 31, 122, 32), band(0, 25))])
    assert [meeting.volumes for meeting in found] == [((3,), (0,)), ((0, 1), (0, 1)), ((0, 1, 2, 3), (0,))]


@pytest.mark.parametrize("radius", [0.001, 0.05])
def test_outlines_are_few_and_simple_and_hold_what_overlaps(radius: float) -> None:
    round_, wavy = Point(HERE).buffer(radius, quad_segs=64), _wavy(radius)
    (meeting,) = met([box_volume(round_, band(0, 10))], [box_volume(wavy, band(0, 10))] * 9)
    assert 0 < len(meeting.outlines) <= OUTLINES_MAX
    shared = shapely.intersection(round_, wavy)
    for outline in meeting.outlines:
        assert len(outline.exterior.coords) <= VERTICES_MAX
        assert shapely.covers(outline.buffer(1e-9), shared)


@pytest.mark.parametrize(("volumes", "said"), [(OUTLINES_MAX, False), (OUTLINES_MAX + 1, True)])
def test_a_finding_says_whether_more_places_overlap_than_it_outlines(volumes: int, said: bool) -> None:
    (meeting,) = met([box_volume(square(HERE), band(0, 10))], [box_volume(square(HERE), band(0, 10))] * volumes)
    assert ("Only the first overlaps" in meeting.finding(Rule.CONFLICT, "id").message) is said


def test_a_finding_of_a_long_plan_says_how_many_of_its_volumes_overlap() -> None:
    ours = [box_volume(square(HERE), band(0, 10))] * (VOLUMES_NAMED_MAX + 3)
    (meeting,) = met(ours, ours[:1])
    finding = meeting.finding(Rule.CONFLICT, "id")
    assert (len(finding.volumes), finding.volumes_left_out) == (VOLUMES_NAMED_MAX, 3)
    assert finding.message.startswith("Legs 1 to 500 and 3 more at")
    assert meeting.finding(Rule.CONFLICT, "id", reverse=True).volumes_left_out == 0


def _wavy(radius: float) -> Polygon:
    angles = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    reach = radius * (0.8 + 0.1 * np.sin(17 * angles))
    return Polygon(np.column_stack([HERE[0] + reach * np.cos(angles), HERE[1] + reach * np.sin(angles)]))


def test_what_overlaps_over_the_antimeridian_lies_on_both_sides() -> None:
    area = shapely.box(179.99, 0, 180.01, 0.01)
    (meeting,) = met([box_volume(area, band(0, 10))], [box_volume(area, band(0, 10))])
    assert sorted(outline.bounds[0] for outline in meeting.outlines) == [-180.0, 179.99]


def test_those_that_are_not_named_are_counted() -> None:
    assert (others_in_the_way(7).severity, others_in_the_way(7).rule) == (Severity.BLOCKING, Rule.CONFLICT)
    assert others_in_the_way(7).message.startswith("7 more flights")
    assert (others_give_way(7).severity, others_give_way(7).rule) == (Severity.NOTIFICATION, Rule.PRIORITY_OVER)
