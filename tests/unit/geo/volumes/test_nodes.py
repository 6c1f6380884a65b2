"""Nodes preselect: whatever overlaps meets in a node, in rows that overlap, and in a lock that one has alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from lowsky.flightplans.postgres.airspace_locks import locks_of
from lowsky.flightplans.postgres.reservations import rows_of
from lowsky.geo.heights.altitude import AltitudeBand, Datum, VerticalReference
from lowsky.geo.volumes.nodes import AREA_SPAN, AREAS_MAX, HOUR_S, LEAVES_MAX, SLICE_S, Cover, area_of, is_area
from lowsky.geo.volumes.stored_volumes import Run, StoredVolumes
from lowsky.geo.volumes.volumes import Volume4D, Volumes
from tests.unit.geo.encounters import HOUR, covered, encounters, references

LOW = AltitudeBand(0, Datum.AGL, 100, Datum.AGL)
FLAT = VerticalReference(0, 100)


def volume(west: float, south: float, east: float, north: float, start: float = 0, end: float = 60) -> Volume4D:
    return Volume4D(shapely.box(west, south, east, north), LOW, HOUR + start, HOUR + end)


def nodes(*plan: Volume4D) -> Cover:
    return covered(Volumes.of([plan]), FLAT)


def overlap(ours: list[Volume4D], theirs: list[Volume4D], reference: VerticalReference) -> bool:
    volumes = Volumes.of([ours, theirs])
    stored = StoredVolumes(len(volumes))
    stored.add(volumes)
    found = stored.overlaps([Run(0, len(ours))], [Run(len(ours), len(theirs))], reference)
    return bool(len(found))


def share_a_node(ours: Cover, theirs: Cover) -> bool:
    here, there = set(ours.node.tolist()), set(theirs.node.tolist())
    return bool(here & there or here & set(area_of(theirs.node).tolist()) or there & set(area_of(ours.node).tolist()))


def finds(asking: Cover, held: Cover) -> bool:
    """What `Reservations.near` asks of the database: ranges of nodes, and rows that overlap."""
    leaves = ~is_area(asking.node)
    first = np.concatenate([asking.node, area_of(asking.node[leaves])])[:, None]
    last = np.concatenate([asking.node + np.where(leaves, 0, AREA_SPAN - 1), area_of(asking.node[leaves])])[:, None]
    rows = rows_of(asking)
    q, r = np.concatenate([rows, rows[leaves]])[:, None, :], rows_of(held)[None]
    met = (first <= held.node) & (held.node <= last)
    met &= (r[..., 0] < q[..., 1]) & (r[..., 1] > q[..., 0])
    for low, high in ((2, 4), (3, 5), (6, 7), (8, 9)):
        met &= (r[..., low] <= q[..., high]) & (r[..., high] >= q[..., low])
    return bool(met.any())


def wait_for_each_other(ours: Cover, theirs: Cover) -> bool:
    (our_keys, ours_alone), (their_keys, theirs_alone) = locks_of(ours), locks_of(theirs)
    _, a, b = np.intersect1d(our_keys, their_keys, assume_unique=True, return_indices=True)
    return bool((ours_alone[a] | theirs_alone[b]).any())


@settings(max_examples=250, deadline=None)
@given(encounters(), references())
def test_plans_that_overlap_meet_in_a_node_and_a_row_and_a_lock(
    plans: tuple[list[Volume4D], list[Volume4D]], reference: VerticalReference
) -> None:
    volumes = Volumes.of(plans)
    both = covered(volumes, reference)
    ours, theirs = both.of_owners([0]), both.of_owners([1])
    overlapping = overlap(*plans, reference)
    event(f"overlapping {overlapping}, too large {bool(both.too_large)}")
    if overlapping and not both.too_large:
        event(f"areas {is_area(ours.node).any() + is_area(theirs.node).any()}")
        assert share_a_node(ours, theirs)
        assert finds(ours, theirs)
        assert finds(theirs, ours)
        assert wait_for_each_other(ours, theirs)


@settings(max_examples=30, deadline=None)
@given(st.lists(encounters(), min_size=1, max_size=3), references())
def test_a_plan_meets_the_same_nodes_in_a_batch_as_alone(
    pairs: list[tuple[list[Volume4D], list[Volume4D]]], reference: VerticalReference
) -> None:
    plans = [plan for pair in pairs for plan in pair]
    batch = covered(Volumes.of(plans), reference)
    for place, plan in enumerate(plans):
        alone, within = covered(Volumes.of([plan]), reference), batch.of_owners([place])
        assert (place in batch.too_large) == (0 in alone.too_large) == (not len(alone))
        assert np.array_equal(alone.node, within.node)
        assert np.array_equal(rows_of(alone), rows_of(within))
        assert (np.diff(alone.node) > 0).all()


def test_an_area_at_the_pole_is_met_by_the_leaves_beneath_it() -> None:
    around_the_pole, flight = nodes(volume(0, 89.85, 170, 89.999)), nodes(volume(10, 89.9, 10.001, 89.901))
    assert len(around_the_pole)
    assert is_area(around_the_pole.node).all()
    assert share_a_node(around_the_pole, flight)
    assert finds(flight, around_the_pole)
    assert finds(around_the_pole, flight)
    assert share_a_node(nodes(volume(0, -90, 170, -89.9)), nodes(volume(10, -90, 10.001, -89.999)))


@pytest.mark.parametrize("longitude", [-180.0, -179.68, -0.16, 0.0, 0.16, 113.12, 179.68, 180.0])
def test_a_leaf_lies_beneath_the_area_of_its_place(longitude: float) -> None:
    for step in (0.0, 1e-13, -1e-13, 1e-9, -1e-9):
        west = min(max(longitude + step, -180.0), 180.0 - 1e-6)
        leaf = nodes(volume(west, 22, west + 1e-6, 22.001))
        area = nodes(volume(west, 22, min(west + 6, 180.0), 28))
        assert not is_area(leaf.node).any()
        assert is_area(area.node).all()
        assert share_a_node(leaf, area)


@pytest.mark.parametrize("border", [SLICE_S, HOUR_S])
def test_what_ends_with_a_step_of_time_is_not_in_the_next(border: float) -> None:
    before, after = (
        nodes(volume(0, 0, 0.001, 0.001, border - 10, border)),
        nodes(volume(0, 0, 0.001, 0.001, border, border + 10)),
    )
    assert not share_a_node(before, after)
    later = math.nextafter(HOUR + border, math.inf) - HOUR
    assert share_a_node(nodes(volume(0, 0, 0.001, 0.001, border - 10, later)), after)


def test_a_plan_of_many_leaves_is_held_by_areas_and_one_of_too_many_areas_not_at_all() -> None:
    def tiles(count: int, end: float) -> Cover:
        west, south, side = -180 + 563 * 0.32, -90 + 282 * 0.32, count * 0.32  # where a tile begins
        return nodes(volume(west + 0.001, south + 0.001, west + side - 0.001, south + side - 0.001, 0, end))

    most, more = tiles(1, SLICE_S), tiles(1, SLICE_S + 1)
    assert len(most) == LEAVES_MAX
    assert not is_area(most.node).any()
    assert len(more) == 1
    assert is_area(more.node).all()
    side = math.isqrt(AREAS_MAX)
    assert len(tiles(side, HOUR_S)) == AREAS_MAX
    assert tiles(side, HOUR_S + 1).too_large == {0}


def test_a_slanting_flight_of_a_thousand_kilometres_meets_few_areas() -> None:
    leg = shapely.Polygon([(0, 0), (6.4, 6.4), (6.401, 6.399), (0.001, -0.001)])
    area = nodes(Volume4D(leg, LOW, HOUR, HOUR + 60))
    assert is_area(area.node).all()
    assert len(area) < 70


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 3), st.booleans())
@example(1_764_000_000_007, 1, True)
def test_rows_never_round_an_overlap_of_times_away(ms: int, steps: int, from_above: bool) -> None:
    """Of times that differ by the least that there is."""
    at = (1_764_000_000_000 + ms) / 1e3
    end = at
    for _ in range(steps):
        end = math.nextafter(end, math.inf if from_above else -math.inf)
    start, end = min(at, end), max(at, end)
    box = shapely.box(0, 0, 0.001, 0.001)
    first, second = Volume4D(box, LOW, start - 60, end), Volume4D(box, LOW, start, end + 60)
    assert finds(nodes(first), nodes(second))
    assert finds(nodes(second), nodes(first))
