"""Files whose zones lie as a shifted copy of known ones."""

from __future__ import annotations

import time

import numpy as np
import pytest

from lowsky.airspace.domain.shifted_copies import As, Boxes, shift
from lowsky.geo.crs.displacement import from_wgs84
from lowsky.geo.crs.names import ReferenceSystem
from lowsky.geo.shapes.projection import metres_per_degree

MAPS = {As.GCJ_02: ReferenceSystem.GCJ_02, As.BD_09: ReferenceSystem.BD_09}
BACK = {As.FROM_GCJ_02: ReferenceSystem.GCJ_02, As.FROM_BD_09: ReferenceSystem.BD_09}


def zones(count: int, seed: int = 1, west: float = 100.0, south: float = 25.0, spread: float = 15.0) -> Boxes:
    random = np.random.default_rng(seed)
    low = np.array([west, south]) + random.random((count, 2)) * spread
    bounds = np.column_stack([low, low + 0.002 + random.random((count, 2)) * 0.05])
    return Boxes([f"Z{number}" for number in range(count)], bounds)


def shown(boxes: Boxes, system: ReferenceSystem) -> Boxes:
    west, south, east, north = boxes.bounds.T
    return Boxes(
        boxes.identifiers, np.column_stack([*from_wgs84(west, south, system), *from_wgs84(east, north, system)])
    )


def moved(boxes: Boxes, east_m: float, north_m: float) -> Boxes:
    per_longitude, per_latitude = metres_per_degree(boxes.bounds[:, 1])
    step = np.column_stack([east_m / per_longitude, north_m / per_latitude])
    return Boxes(boxes.identifiers, boxes.bounds + np.hstack([step, step]))


def renamed(boxes: Boxes) -> Boxes:
    return Boxes([f"other-{number}" for number in range(len(boxes.identifiers))], boxes.bounds)


@pytest.mark.parametrize("way", MAPS)
@pytest.mark.parametrize("name", [lambda boxes: boxes, renamed], ids=["same names", "other names"])
def test_a_file_shown_as_a_map_shows_it_is_a_shifted_copy(way: As, name: object) -> None:
    known = zones(200)
    found = shift(name(shown(known, MAPS[way])), known)  # type: ignore[operator]  # one of the two above
    assert found is not None
    assert found.way is way
    assert found.zones > 190  # a map stretches some more than a margin would move them
    assert 100.0 < found.offset_m < 1_500.0


@pytest.mark.parametrize("way", BACK)
def test_a_right_file_beside_known_zones_that_were_shown_by_a_map_is_told_from_them(way: As) -> None:
    known = zones(50)
    found = shift(known, shown(known, BACK[way]))
    assert found is not None
    assert found.way is way


@pytest.mark.parametrize("name", [lambda boxes: boxes, renamed], ids=["same names", "other names"])
def test_a_file_moved_all_the_same_way_is_a_shifted_copy_anywhere(name: object) -> None:
    known = zones(30, west=8.0, south=46.0, spread=2.0)
    found = shift(name(moved(known, 300.0, -400.0)), known)  # type: ignore[operator]  # one of the two above
    assert found is not None
    assert found.way is As.SAME_WAY
    assert found.offset_m == pytest.approx(500.0, abs=2.0)


def test_a_copy_of_a_part_is_one_too() -> None:
    known = zones(400)
    part = Boxes(known.identifiers[:20], known.bounds[:20])
    found = shift(renamed(shown(part, ReferenceSystem.GCJ_02)), known)
    assert found is not None
    assert found.zones == 20


@pytest.mark.parametrize(
    "file",
    [
        zones(200),
        renamed(zones(200)),
        moved(zones(200), 20.0, 20.0),
        moved(zones(200), 2_000.0, 0.0),
        zones(200, seed=2),
        zones(200, seed=2, spread=0.5),
        Boxes([], np.empty((0, 4))),
    ],
    ids=["the same", "renamed", "surveyed anew", "farther", "others", "others, dense", "none"],
)
def test_what_lies_where_it_was_or_elsewhere_is_none(file: Boxes) -> None:
    assert shift(file, zones(200)) is None


def test_two_zones_alike_are_chance() -> None:
    known = zones(2)
    assert shift(shown(known, ReferenceSystem.GCJ_02), known) is None


def test_a_correction_of_some_zones_is_none() -> None:
    known = zones(100)
    bounds = known.bounds.copy()
    bounds[:20] = moved(known, 200.0, 0.0).bounds[:20]
    assert shift(Boxes(known.identifiers, bounds), known) is None


def test_ten_thousand_zones_beside_a_hundred_thousand_take_a_moment() -> None:
    known, file = zones(100_000, seed=3), zones(10_000, seed=4)
    started = time.process_time()
    assert shift(file, known) is None
    assert time.process_time() - started < 10.0
