"""Stored volumes: overlaps as one by one would find them, and bytes that are read as they were written."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import event, given, settings
from hypothesis import strategies as st
from shapely import MultiPolygon, Polygon

import lowsky.geo.volumes.stored_volumes
from lowsky.geo.heights.altitude import AltitudeBand, Datum, VerticalReference, overlap
from lowsky.geo.heights.geoid import geoid_bounds_of, shared_ground
from lowsky.geo.volumes.encoding import Line, from_bytes, to_bytes
from lowsky.geo.volumes.stored_volumes import Run, StoredVolumes
from lowsky.geo.volumes.trajectory import Trajectory
from lowsky.geo.volumes.volumes import Volume4D, Volumes, corridors
from tests.oracle import exact
from tests.unit.geo.encounters import HOUR, bands, encounters, references

LOW = AltitudeBand(0, Datum.AGL, 100, Datum.AGL)
FLAT = VerticalReference(0, 50)
Found = list[tuple[int, int, int, int]]
"""Pair of plans, volume of the one, volume of the other, code."""


def stored(plans: list[list[Volume4D]]) -> tuple[StoredVolumes, list[Run]]:
    volumes = Volumes.of(plans)
    columns = StoredVolumes(len(volumes) + 3)
    columns.add(Volumes.of([plans[0][:1] * 3]))
    columns.add(volumes)
    counts = [len(plan) for plan in plans]
    return columns, [Run(3 + sum(counts[:n]), count) for n, count in enumerate(counts)]


def found(plans: list[list[Volume4D]], reference: VerticalReference) -> Found:
    columns, runs = stored(plans)
    pairs = [(a, b) for a in range(len(plans)) for b in range(len(plans)) if a != b]
    ours, theirs = [runs[a] for a, _ in pairs], [runs[b] for _, b in pairs]
    met = columns.overlaps(ours, theirs, reference)
    assert np.flatnonzero(columns.meet(ours, theirs, reference)).tolist() == np.unique(met.pair).tolist()
    rows = zip(met.pair.tolist(), met.ours.tolist(), met.theirs.tolist(), met.codes.tolist(), strict=True)
    return [(pair, a - runs[pairs[pair][0]].first, b - runs[pairs[pair][1]].first, code) for pair, a, b, code in rows]


def one_by_one(plans: list[list[Volume4D]], reference: VerticalReference) -> Found:
    pairs = [(a, b) for a in range(len(plans)) for b in range(len(plans)) if a != b]
    return [
        (pair, i, j, code)
        for pair, (a, b) in enumerate(pairs)
        for i, ours in enumerate(plans[a])
        for j, theirs in enumerate(plans[b])
        if (code := meeting(ours, theirs, reference))
    ]


def meeting(ours: Volume4D, theirs: Volume4D, reference: VerticalReference) -> int:
    if not (ours.start_s < theirs.end_s and theirs.start_s < ours.end_s):
        return 0
    boxes = np.array([ours.outline.bounds]), np.array([theirs.outline.bounds])
    if not any(interiors_meet(a, b) for a in parts(ours.outline) for b in parts(theirs.outline)):
        return 0
    local = reference.within(*geoid_bounds_of(shared_ground(*boxes))[0].tolist())
    return int(overlap(ours.altitude, theirs.altitude, local).value)


def interiors_meet(ours: Polygon, theirs: Polygon) -> bool:
    """In fractions where there are few vertices; with many, which is slow so, by what they share."""
    rings = [list(part.exterior.coords)[:-1] for part in (ours, theirs)]
    if sum(map(len, rings)) <= 12:
        return exact.interiors_meet(rings[:1], rings[1:])
    return bool(shapely.relate_pattern(ours, theirs, "T********"))


def parts(outline: Polygon | MultiPolygon) -> list[Polygon]:
    return list(shapely.get_parts(outline))


@settings(max_examples=100, deadline=None)
@given(encounters(), bands(), references())
def test_overlaps_are_those_of_every_pair_of_volumes(
    pair: tuple[list[Volume4D], list[Volume4D]], band: AltitudeBand, reference: VerticalReference
) -> None:
    ours, theirs = pair
    plans = [ours, theirs, [Volume4D(v.outline, band, v.start_s, v.end_s) for v in ours[:1]]]
    plain = VerticalReference(
        reference.terrain_min_m, reference.terrain_max_m, reference.geoid_min_m, reference.geoid_max_m
    )
    expected = one_by_one(plans, plain)
    event(f"some {bool(expected)}")
    assert found(plans, plain) == expected


def test_overlaps_of_many_pairs_are_found_portion_by_portion(monkeypatch: pytest.MonkeyPatch) -> None:
    plans = [[flight(0.0005 * n, 0.0005 * n + 0.001 * (m + 1)) for m in range(n % 3 + 1)] for n in range(7)]
    whole = found(plans, VerticalReference())
    assert whole == one_by_one(plans, VerticalReference())
    for portion in (1, 2, 3, 7, 1000):
        monkeypatch.setattr(lowsky.geo.volumes.stored_volumes, "PAIRS_AT_ONCE", portion)
        assert found(plans, VerticalReference()) == whole


@pytest.mark.parametrize("portion", [1, 50, 100_000])
def test_plans_meet_if_only_the_last_of_many_volumes_does(monkeypatch: pytest.MonkeyPatch, portion: int) -> None:
    monkeypatch.setattr(lowsky.geo.volumes.stored_volumes, "PAIRS_AT_ONCE", portion)
    below, above = Polygon([(0, 0), (1, 0), (0, 1)]), Polygon([(1, 0), (1, 1), (0, 1)])  # their boxes are one

    def many(shape: Polygon, count: int) -> list[Volume4D]:
        return [Volume4D(shape, LOW, HOUR, HOUR + 60 + n) for n in range(count)]

    for count in (1, 2, 3, 4, 12, 23, 24, 40):
        apart, meeting = many(above, count), [*many(above, count), *many(below, 1)]
        plans = [many(below, count), apart, meeting]
        pairs = [(0, 1), (0, 2), (1, 2)]
        columns, runs = stored(plans)
        met = columns.meet([runs[a] for a, _ in pairs], [runs[b] for _, b in pairs], FLAT)
        assert met.tolist() == [False, True, True]
        assert {row[0] for row in found(plans, FLAT)} == {1, 3, 4, 5}  # in either order


def test_of_no_pairs_none_overlap() -> None:
    assert len(StoredVolumes(1).overlaps([], [], VerticalReference())) == 0


def flight(west: float, east: float, start: float = 0, end: float = 60, band: AltitudeBand = LOW) -> Volume4D:
    return Volume4D(shapely.box(west, 0, east, 0.001), band, HOUR + start, HOUR + end)


def meet(ours: Volume4D, theirs: Volume4D, reference: VerticalReference = FLAT) -> int:
    codes = {code for _, _, _, code in found([[ours], [theirs]], reference)}
    assert len(codes) <= 1
    return codes.pop() if codes else 0


def test_touching_in_time_plan_or_altitude_is_not_meeting() -> None:
    one = flight(0, 0.001)
    assert meet(one, one) == 2
    assert meet(one, flight(0, 0.001, 60, 120)) == 0
    assert meet(one, flight(0, 0.001, math.nextafter(HOUR + 60, 0) - HOUR, 120)) == 2
    assert meet(one, flight(0.001, 0.002)) == 0
    assert meet(one, flight(math.nextafter(0.001, 0), 0.002)) == 2
    assert meet(one, flight(0, 0.001, band=AltitudeBand(100, Datum.AGL, 200, Datum.AGL))) == 0
    assert meet(one, flight(0, 0.001, band=AltitudeBand(math.nextafter(100, 0), Datum.AGL, 200, Datum.AGL))) == 2


def test_the_ground_that_two_shapes_share_tells_their_heights_apart() -> None:
    class Plain:
        extremes = (0.0, 50.0)

        def bounds_of(self, boxes: np.ndarray) -> np.ndarray:
            return np.full((len(boxes), 2), 10.0)

    over, sea = AltitudeBand(0, Datum.AGL, 100, Datum.AGL), AltitudeBand(111, Datum.AMSL, 200, Datum.AMSL)
    reference = VerticalReference(0, 50, -107, 86, Plain())
    assert meet(flight(0, 1, band=over), flight(0, 1, band=sea), reference) == 0
    assert meet(flight(0, 1, band=over), flight(0, 1, band=sea)) == 1


def test_what_does_not_fit_is_not_stored() -> None:
    columns = StoredVolumes(2)
    columns.add(Volumes.of([[flight(0, 1)]]))
    with pytest.raises(MemoryError):
        columns.add(Volumes.of([[flight(0, 1), flight(1, 2)]]))
    columns.copy(Run(0, 1), columns)
    assert columns.room == 0
    with pytest.raises(MemoryError):
        columns.copy(Run(0, 1), columns)


def test_copied_volumes_are_what_they_were() -> None:
    plans = [[flight(0, 0.001)], [flight(0.0005, 0.002), flight(5, 6)]]
    columns, runs = stored(plans)
    other = StoredVolumes(10)
    first = other.copy(runs[1], columns)
    second = other.copy(runs[0], columns)
    met = other.overlaps([Run(second, 1)], [Run(first, 2)], VerticalReference())
    assert list(zip(met.ours.tolist(), met.theirs.tolist(), strict=True)) == [(second, first)]


@settings(max_examples=60, deadline=None)
@given(st.lists(encounters(), min_size=1, max_size=2))
def test_bytes_are_read_exactly_as_they_were_written(pairs: list[tuple[list[Volume4D], list[Volume4D]]]) -> None:
    plans = [plan for pair in pairs for plan in pair]
    written = Volumes.of(plans)
    stored = to_bytes(written, len(plans), {})
    for owner, read in enumerate(from_bytes(stored)):
        before = written.of_owner(owner)
        assert [o.wkb for o in read.outlines] == [o.wkb for o in before.outlines]
        for name in ("lower_m", "upper_m", "lower_datum", "upper_datum", "takeoff", "start_s", "end_s", "leg"):
            assert np.array_equal(getattr(read, name), getattr(before, name), equal_nan=True), name
        assert not read.owner.any()
        assert [read.volume(n) for n in range(len(read))] == [before.volume(n) for n in range(len(before))]


def test_bytes_of_another_form_or_cut_short_are_refused() -> None:
    (written,) = to_bytes(Volumes.of([[flight(0, 1), flight(1, 2)]]), 1, {})
    for broken in (b"", written[:3], b"\x03" + written[1:], written[:40], written[:-1]):
        with pytest.raises(ValueError, match=r".+"):
            from_bytes([written, broken])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_corridors_are_drawn_again_exactly_as_they_were_whatever_they_are_read_with(data: st.DataObject) -> None:
    trajectories = [data.draw(lines()) for _ in range(data.draw(st.integers(1, 5)))]
    written = corridors(trajectories)
    of = {n: Line(one.longitudes, one.latitudes, one.horizontal_buffer_m) for n, one in enumerate(trajectories)}
    stored = to_bytes(written, len(trajectories), of)
    order = data.draw(st.permutations(range(len(trajectories))))
    for owner, read in zip(order, from_bytes([stored[n] for n in order]), strict=True):
        before = written.of_owner(owner)
        assert [o.wkb for o in read.outlines] == [o.wkb for o in before.outlines]
        assert [read.volume(n) for n in range(len(read))] == [before.volume(n) for n in range(len(before))]


@st.composite
def lines(draw: st.DrawFn) -> Trajectory:
    """A few legs anywhere, also over the antimeridian."""
    count = draw(st.integers(2, 6))
    lon, lat = draw(st.floats(-180, 180)), draw(st.floats(-70, 70))
    steps = [(draw(st.floats(-0.05, 0.05)), draw(st.floats(-0.05, 0.05))) for _ in range(count)]
    longitudes = np.array([(lon + dx + 540) % 360 - 180 for dx, _ in steps])
    return Trajectory(
        longitudes=longitudes,
        latitudes=np.array([lat + dy for _, dy in steps]),
        altitudes_m=np.full(count, 80.0),
        datums=np.full(count, Datum.AGL.code, dtype=np.int8),
        times_s=1.8e9 + 30.0 * np.arange(count, dtype=np.float64),
        horizontal_buffer_m=draw(st.floats(1, 300)),
        vertical_buffer_m=10.0,
        time_buffer_s=5.0,
        takeoff_amsl_m=None,
    )
