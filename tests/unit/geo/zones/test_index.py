"""The zone index: against brute force, and both sides of each edge in plan, altitude and time."""

from __future__ import annotations

import math
import pickle
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import MultiPolygon, Polygon, box

from lowsky.geo.heights.altitude import AltitudeBand, Datum, Overlap, VerticalReference, overlap
from lowsky.geo.schedules.applicability import PERMANENT, Applicability, Daily, Period
from lowsky.geo.volumes.volumes import Volume4D, Volumes
from lowsky.geo.zones.geozone import Geozone, Layer, Restriction
from lowsky.geo.zones.index import SCATTERED_MIN, IndexedZone, ZoneIndex

T0 = datetime(2026, 6, 1, tzinfo=UTC).timestamp()  # a Monday
LOW = AltitudeBand(0, Datum.AGL, 120, Datum.AGL)
FLAT = VerticalReference(terrain_min_m=0, terrain_max_m=50)


def zone(
    identifier: str, *layers: tuple[Polygon | MultiPolygon, AltitudeBand], times: Applicability = PERMANENT
) -> IndexedZone[None]:
    made = tuple(Layer(outline, band) for outline, band in layers)
    geozone = Geozone(identifier, "CHE", (), Restriction.PROHIBITED, made, times)
    return IndexedZone(f"geozones/{identifier}", geozone, None)


def flight(outline: Polygon | MultiPolygon, band: AltitudeBand = LOW, start: float = 0, end: float = 60) -> Volume4D:
    return Volume4D(outline, band, T0 + start, T0 + end)


def touched(
    index: ZoneIndex[None], *plans: Sequence[Volume4D], reference: VerticalReference = FLAT
) -> list[tuple[int, str, int, int]]:
    """(volume, zone, layer, altitude code)"""
    touches = index.touching(Volumes.of(plans), reference)
    return [
        (int(volume), index.zones[row].geozone.identifier, int(layer), int(code))
        for volume, row, layer, code in zip(touches.volume, touches.zone, touches.layer, touches.altitude, strict=True)
    ]


UNIT = box(8, 47, 8.01, 47.01)


@pytest.mark.parametrize(
    ("outline", "meets"),
    [
        (box(8.005, 47.005, 8.006, 47.006), True),  # inside
        (box(7.9, 46.9, 8.1, 47.1), True),  # around
        (box(7.99, 47.002, 8.02, 47.003), True),  # across, no vertex inside
        (box(8.01, 47, 8.02, 47.01), False),  # shares an edge
        (box(8.01, 47.01, 8.02, 47.02), False),  # shares a corner
        (box(math.nextafter(8.01, 0), 47, 8.02, 47.01), True),  # the thinnest overlap there is
        (box(8.02, 47, 8.03, 47.01), False),
        (UNIT, True),
    ],
)
def test_a_zone_is_met_where_interiors_meet(outline: Polygon, meets: bool) -> None:
    index = ZoneIndex([zone("Z", (UNIT, LOW))], 1)
    assert bool(touched(index, [flight(outline)])) is meets
    assert bool(index.at(outline)) is meets


def test_a_flight_in_the_hole_of_a_zone_does_not_meet_it() -> None:
    ring = Polygon(box(8, 47, 8.03, 47.03).exterior.coords, [box(8.01, 47.01, 8.02, 47.02).exterior.coords])
    index = ZoneIndex([zone("Z", (ring, LOW))], 1)
    assert not touched(index, [flight(box(8.011, 47.011, 8.019, 47.019))])
    assert not touched(index, [flight(box(8.01, 47.01, 8.02, 47.02))])
    assert touched(index, [flight(box(8.011, 47.011, 8.021, 47.019))])


@pytest.mark.parametrize(
    ("band", "code"),
    [
        (AltitudeBand(120, Datum.AGL, 150, Datum.AGL), None),  # on the ceiling
        (AltitudeBand(119.9, Datum.AGL, 150, Datum.AGL), Overlap.CERTAIN),
        (AltitudeBand(0, Datum.AMSL, 60, Datum.AMSL), Overlap.CERTAIN),
        (AltitudeBand(100, Datum.AMSL, 110, Datum.AMSL), Overlap.CERTAIN),
        (AltitudeBand(130, Datum.AMSL, 140, Datum.AMSL), Overlap.UNCERTAIN),  # the ground may be at 50 m
        (AltitudeBand(170, Datum.AMSL, 180, Datum.AMSL), None),
    ],
)
def test_altitudes_decide_and_doubt_is_said(band: AltitudeBand, code: Overlap | None) -> None:
    index = ZoneIndex([zone("Z", (UNIT, LOW))], 1)
    expected = [] if code is None else [(0, "Z", 0, code.value)]
    assert touched(index, [flight(UNIT, band)]) == expected
    assert bool(index.at(UNIT, band, reference=FLAT)) is (code is not None)


@pytest.mark.parametrize(("start", "end", "meets"), [(0, 28_800, False), (0, 28_801, True), (61_200, 90_000, False)])
def test_times_decide(start: float, end: float, meets: bool) -> None:
    weekdays = Applicability((Period(schedule=(Daily(frozenset({0}), 28_800, 61_200),)),))
    index = ZoneIndex([zone("Z", (UNIT, LOW), times=weekdays), zone("past", (UNIT, LOW), times=PAST)], 1)
    assert bool(touched(index, [flight(UNIT, LOW, start, end)])) is meets
    assert bool(index.at(UNIT, window=(T0 + start, T0 + end))) is meets
    assert len(index.at(UNIT)) == 2


def test_what_is_no_window_is_refused_whatever_is_there() -> None:
    index = ZoneIndex([zone("Z", (UNIT, LOW))], 1)
    for window in ((T0, T0 - 1), (math.nan, T0)):
        with pytest.raises(ValueError, match="not a window"):
            index.at(UNIT, window=window)


PAST = Applicability((Period(None, datetime(2026, 6, 1, tzinfo=UTC)),))


def test_rows_name_volume_zone_and_layer_in_order_once_each() -> None:
    islands = MultiPolygon([box(8, 47, 8.001, 47.001), box(8.002, 47, 8.003, 47.001)])
    high = AltitudeBand(200, Datum.AGL, 300, Datum.AGL)
    index = ZoneIndex([zone("A", (UNIT, high), (islands, LOW)), zone("B", (UNIT, LOW))], 7)
    far, near = flight(box(9, 47, 9.1, 47.1)), flight(box(7.9, 46.9, 8.1, 47.1))
    certain = Overlap.CERTAIN.value
    assert touched(index, [far, near], [near]) == [
        (1, "A", 1, certain),
        (1, "B", 0, certain),
        (2, "A", 1, certain),
        (2, "B", 0, certain),
    ]
    assert index.revision == 7
    assert index.get("geozones/B") is index.zones[1]
    assert index.get("geozones/C") is None


def test_zones_and_flights_over_the_antimeridian_meet() -> None:
    pieces = MultiPolygon([box(179.9, 0, 180, 1), box(-180, 0, -179.9, 1)])
    index = ZoneIndex([zone("Z", (pieces, LOW))], 1)
    crossing = Polygon([(179.95, 0.4), (-179.95, 0.4), (-179.95, 0.6), (179.95, 0.6)])
    assert touched(index, [flight(crossing)])
    assert index.at(crossing)
    assert not touched(index, [flight(box(-10, 0, 10, 1))])


def test_an_index_without_zones_is_met_by_nothing() -> None:
    index: ZoneIndex[None] = ZoneIndex([], 0)
    assert touched(index, [flight(UNIT)]) == []
    assert index.at(UNIT) == []
    assert len(index) == 0
    assert touched(ZoneIndex([zone("Z", (UNIT, LOW))], 1)) == []


def test_a_pickled_index_answers_alike() -> None:
    index = ZoneIndex([zone("Z", (UNIT, LOW))], 3)
    again = pickle.loads(pickle.dumps(index))  # noqa: S301 - our own bytes
    assert touched(again, [flight(UNIT)]) == touched(index, [flight(UNIT)])
    assert again.revision == 3


def test_two_zones_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="one name"):
        ZoneIndex([zone("Z", (UNIT, LOW)), zone("Z", (UNIT, LOW))], 1)


grid = st.integers(0, 12)
heights = st.sampled_from([0.0, 30.0, 60.0, 120.0, 200.0])
datums = st.sampled_from([Datum.AGL, Datum.AMSL])


@st.composite
def shapes(draw: st.DrawFn) -> Polygon:
    """Boxes and triangles on a coarse grid, so that edges and corners often coincide."""
    corners = st.tuples(grid, grid)
    polygon = Polygon(
        [(8 + x / 1024, 47 + y / 1024) for x, y in draw(st.lists(corners, min_size=3, max_size=4, unique=True))]
    )
    return polygon if polygon.is_valid and polygon.area > 0 else box(8, 47, 8 + 3 / 1024, 47 + 3 / 1024)


@st.composite
def bands(draw: st.DrawFn) -> AltitudeBand:
    lower, upper = sorted(draw(st.lists(heights, min_size=2, max_size=2, unique=True)))
    return AltitudeBand(lower, draw(datums), upper, draw(datums))


applicabilities = st.sampled_from(
    [
        PERMANENT,
        PAST,
        Applicability((Period(datetime(2026, 6, 1, 0, 1, tzinfo=UTC)),)),
        Applicability((Period(schedule=(Daily(frozenset({0}), 30, 90),)),)),
    ]
)
zones_made = st.lists(
    st.tuples(st.lists(st.tuples(shapes(), bands()), min_size=1, max_size=2), applicabilities), max_size=6
)
flights_made = st.lists(
    st.builds(flight, shapes(), bands(), st.sampled_from([0, 30, 60]), st.sampled_from([90, 120])), max_size=5
)


@settings(max_examples=200, deadline=None)
@given(zones_made, flights_made)
def test_the_index_agrees_with_asking_every_pair(
    zones: list[tuple[list[tuple[Polygon, AltitudeBand]], Applicability]], flights: list[Volume4D]
) -> None:
    index = ZoneIndex([zone(f"Z{n}", *layers, times=times) for n, (layers, times) in enumerate(zones)], 1)
    expected = []
    for volume, plan in enumerate(flights):
        for n, (layers, times) in enumerate(zones):
            for row, (outline, band) in enumerate(layers):
                verdict = overlap(plan.altitude, band, FLAT)
                in_plan = shapely.intersection(outline, plan.outline).area > 0
                if in_plan and verdict is not Overlap.NONE and times.applies(plan.start_s, plan.end_s):
                    expected.append((volume, f"Z{n}", row, verdict.value))
    assert touched(index, flights) == expected
    found = index.touching(Volumes.of([flights]), FLAT)
    assert np.array_equal(found.certain, found.altitude == Overlap.CERTAIN.value)


names = st.sampled_from([f"Z{n}" for n in range(8)])
layers_made = st.lists(st.tuples(shapes(), bands()), min_size=1, max_size=2)
changes_made = st.lists(
    st.tuples(st.dictionaries(names, st.tuples(layers_made, applicabilities), max_size=4), st.sets(names, max_size=4)),
    max_size=5,
)


@settings(max_examples=200, deadline=None)
@given(zones_made, changes_made, flights_made)
def test_after_any_changes_the_index_answers_as_one_built_anew(
    zones: list[tuple[list[tuple[Polygon, AltitudeBand]], Applicability]],
    changes: list[tuple[dict[str, tuple[list[tuple[Polygon, AltitudeBand]], Applicability]], set[str]]],
    flights: list[Volume4D],
) -> None:
    first = [zone(f"Z{n}", *layers, times=times) for n, (layers, times) in enumerate(zones)]
    index, there = ZoneIndex(first, 1), {each.name: each for each in first}
    for revision, (added, removed) in enumerate(changes, 2):
        came = [zone(name, *layers, times=times) for name, (layers, times) in added.items()]
        before = index
        index = before.changed(came, {f"geozones/{name}" for name in removed}, revision)
        assert list(before.zones) == list(there.values())
        for name in {*added, *removed}:
            there.pop(f"geozones/{name}", None)
        there |= {each.name: each for each in came}
        anew = ZoneIndex(there.values(), revision)
        for other in (index, index.merged()):
            assert answers(other, flights) == answers(anew, flights)


def answers(index: ZoneIndex[None], flights: list[Volume4D]) -> list[object]:
    """Everything that can be asked of an index."""
    count = len(index)
    areas = [box(8 + x / 1024, 47, 8 + (x + 4) / 1024, 47 + 12 / 1024) for x in (0, 4, 8)]
    return [
        index.revision,
        count,
        list(index.zones),
        [index.zones[place] for place in range(-count, count)],
        index.zones[1:-1:2] == tuple(index.zones)[1:-1:2],
        altitudes(index),
        [index.get(f"geozones/Z{n}") for n in range(9)],
        touched(index, flights),
        [index.at(area) for area in areas],
        [index.at(area, LOW, (T0, T0 + 60), FLAT) for area in areas],
    ]


def altitudes(index: ZoneIndex[None]) -> list[AltitudeBand]:
    """Of every layer of every zone, which the index keeps in arrays."""
    rows = [(place, layer) for place, zone in enumerate(index.zones) for layer in range(len(zone.geozone.layers))]
    zone, layer = np.array(rows, dtype=np.intp).reshape(-1, 2)[::-1].T
    found = index.altitudes(zone, layer)
    bands = [found.band(n) for n in range(len(found))]
    assert bands == [index.zones[place].geozone.layers[n].altitude for place, n in rows[::-1]]
    return bands


def test_a_place_beyond_the_zones_is_none_of_them() -> None:
    index = ZoneIndex([zone("A", (UNIT, LOW)), zone("B", (UNIT, LOW))], 1).changed([], ["geozones/A"], 2)
    for place in (1, -2):
        with pytest.raises(IndexError):
            index.zones[place]


def test_a_small_change_shares_what_it_leaves_and_many_are_worth_merging() -> None:
    index = ZoneIndex([zone(f"Z{n}", (UNIT, LOW)) for n in range(1_000)], 1)
    for n in range(SCATTERED_MIN):
        index = index.changed([zone(f"Y{n}", (UNIT, LOW))], [], n + 2)
        assert not index.is_scattered
    index = index.changed([], ["geozones/Z7"], 200)
    assert index.is_scattered
    assert not index.merged().is_scattered


def test_two_added_zones_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="one name"):
        ZoneIndex([zone("Z", (UNIT, LOW))], 1).changed([zone("A", (UNIT, LOW)), zone("A", (UNIT, LOW))], [], 2)
