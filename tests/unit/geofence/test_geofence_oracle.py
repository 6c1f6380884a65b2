"""The geofence against an oracle that shares nothing with it (tests/oracle), around every kind of edge.

What the oracle says must be found is found, and nothing else, but for the stated tolerance of corridors and circles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import lowsky.geo.heights.vertical_reference
import lowsky.geo.shapes.antimeridian
import lowsky.geo.shapes.corridors
import lowsky.geo.shapes.interiors
import lowsky.geo.shapes.projection
import lowsky.geo.volumes.volumes
import lowsky.geo.zones.zone_block
from lowsky.geo.heights.altitude import AltitudeBands, Datum, Overlap
from lowsky.geo.heights.geoid import geoid_bounds_of
from lowsky.geo.volumes.trajectory import Trajectory
from lowsky.geo.volumes.volumes import Volumes, corridors
from lowsky.geo.zones.index import ZoneIndex
from lowsky.geo.zones.zone_block import ZoneBlock
from tests.oracle import cases, flights
from tests.oracle.cases import MONDAY, SITES, Made, Shape, Site
from tests.oracle.geofence import Area, Flown, Key, disagreements, expected, ring
from tests.oracle.height import Limits
from tests.oracle.profile import PROFILE, TEETH

sites = st.sampled_from(SITES)


@st.composite
def leg_cases(draw: st.DrawFn, *focuses: str) -> tuple[Site, Made, Trajectory, list[Flown]]:
    site, focus = draw(sites), draw(st.sampled_from(focuses or flights.FOCUS))
    made = draw(cases.zones(site, focus))
    return site, made, *draw(flights.trajectories(site, made, focus))


@st.composite
def volume_cases(draw: st.DrawFn, *focuses: str) -> tuple[Site, Made, list[Any]]:
    site, focus = draw(sites), draw(st.sampled_from(focuses or flights.FOCUS))
    made = draw(cases.zones(site, focus))
    return site, made, draw(st.lists(flights.volumes(site, made, focus), min_size=1, max_size=3))


def found(site: Site, made: Made, volumes: Volumes) -> dict[Key, bool]:
    """What the index finds, and whether for certain."""
    touches = ZoneIndex(cases.indexed(made), 1).touching(volumes, site.reference)
    keys: Iterable[Key] = zip(touches.volume.tolist(), touches.zone.tolist(), touches.layer.tolist(), strict=True)
    return dict(zip(keys, touches.certain.tolist(), strict=True))


def check_legs(case: tuple[Site, Made, Trajectory, list[Flown]]) -> None:
    site, made, trajectory, flown = case
    seen = found(site, made, corridors([trajectory], site.reference))
    assert not disagreements(seen, expected(flown, cases.told(made), site.bounds))


def check_volumes(case: tuple[Site, Made, list[Any]]) -> None:
    site, made, both = case
    seen = found(site, made, Volumes.of([[volume for volume, _ in both]]))
    assert not disagreements(seen, expected([flown for _, flown in both], cases.told(made), site.bounds))


@settings(PROFILE, max_examples=PROFILE.max_examples * 2)
@given(leg_cases())
def test_legs_meet_what_the_oracle_says(case: tuple[Site, Made, Trajectory, list[Flown]]) -> None:
    check_legs(case)


@PROFILE
@given(volume_cases())
def test_volumes_meet_what_the_oracle_says(case: tuple[Site, Made, list[Any]]) -> None:
    check_volumes(case)


@pytest.mark.parametrize("site", SITES)
def test_the_geoid_stated_for_a_place_lies_within_that_of_every_cell_around(site: Site) -> None:
    """Otherwise the table would narrow what the oracle is told."""
    near = np.array([site.at(east, north) for east in (-45e3, 0, 45e3) for north in (-45e3, 0, 45e3)])
    least, greatest = geoid_bounds_of(np.hstack([near, near])).T
    assert least.max() <= site.geoid[0] < site.geoid[1] <= greatest.min()


# --- What the issue names


def flight(points: list[tuple[float, float]], height_m: float, datum: Datum, buffer_m: float = 20.0) -> Trajectory:
    count = len(points)
    return Trajectory(
        np.array([lon for lon, _ in points]),
        np.array([lat for _, lat in points]),
        np.full(count, height_m),
        np.full(count, datum.code, dtype=np.int8),
        MONDAY.timestamp() + 600.0 * np.arange(count, dtype=np.float64),
        buffer_m,
        0.0,
        0.0,
    )


def flown_legs(trajectory: Trajectory) -> list[Flown]:
    points = list(zip(trajectory.longitudes.tolist(), trajectory.latitudes.tolist(), strict=True))
    height, datum = float(trajectory.altitudes_m[0]), list(Datum)[int(trajectory.datums[0])]
    reading = (Limits(height, datum, height, datum),)
    return [
        Flown(
            a,
            b,
            trajectory.horizontal_buffer_m,
            None,
            reading,
            *(MONDAY + timedelta(seconds=600 * (n + k)) for k in (0, 1)),
        )
        for n, (a, b) in enumerate(pairwise(points))
    ]


def square(site: Site, east_m: float, north_m: float, side_m: float) -> Shape:
    points = [site.at(east_m + dx * side_m, north_m + dy * side_m) for dx, dy in ((0, 0), (1, 0), (1, 1), (0, 1))]
    area = Area((ring(points),))
    return Shape(area, lowsky.geo.shapes.antimeridian.cut(shapely.Polygon(points)))


GROUND = Limits(0.0, Datum.AGL, 120.0, Datum.AGL)


@pytest.mark.parametrize("site", SITES)
def test_a_leg_of_a_hundred_kilometres_finds_each_zone_on_its_way_and_none_beside(site: Site) -> None:
    trajectory = flight(
        [cases.wrapped(site.at(-50_000.0, -1_000.0)), cases.wrapped(site.at(50_000.0, 2_000.0))], 60.0, Datum.AGL
    )
    # Narrow zones across the way, from one end to the other, and as many a little off it.
    made: Made = []
    for east in range(-49_000, 50_000, 7_000):
        way = 500.0 + east * 0.03
        made += [
            ([(square(site, east, way - 15.0, 30.0), GROUND)], ()),
            ([(square(site, east, way + 60.0, 30.0), GROUND)], ()),
        ]
    seen = found(site, made, corridors([trajectory], site.reference))
    verdicts = expected(flown_legs(trajectory), cases.told(made), site.bounds)
    assert not disagreements(seen, verdicts)
    assert {zone for _, zone, _ in seen} >= set(range(0, len(made), 2))
    assert len(made) == 30


@pytest.mark.parametrize("datum", [Datum.AGL, Datum.AMSL, Datum.WGS84])
@pytest.mark.parametrize(
    ("height_m", "meets"), [(49.99, False), (50.0, True), (50.01, True), (99.99, True), (100.0, False), (100.01, False)]
)
def test_a_mission_exactly_at_a_floor_is_found_and_a_centimetre_below_it_is_not(
    datum: Datum, height_m: float, meets: bool
) -> None:
    site = SITES[0]
    made: Made = [([(square(site, 0.0, 0.0, 500.0), Limits(50.0, datum, 100.0, datum))], ())]
    trajectory = flight([site.at(-300.0, 250.0), site.at(800.0, 250.0)], height_m, datum)
    seen = found(site, made, corridors([trajectory], site.reference))
    assert seen == ({(0, 0, 0): True} if meets else {})
    assert not disagreements(seen, expected(flown_legs(trajectory), cases.told(made), site.bounds))


# --- The oracle has teeth: each of these mistakes is caught

# Modules whose names are put otherwise, those too that they import.
BLOCK: Any = lowsky.geo.zones.zone_block
VERTICAL: Any = lowsky.geo.heights.vertical_reference
VOLUMES: Any = lowsky.geo.volumes.volumes
INTERIORS: Any = lowsky.geo.shapes.interiors
Patch = pytest.MonkeyPatch


def altitude_ignored(patch: Patch) -> None:
    patch.setattr(BLOCK, "overlap_codes", lambda a, *_: np.full(len(a), Overlap.CERTAIN.value, dtype=np.int8))


def ceiling_inside(patch: Patch) -> None:
    real = BLOCK.overlap_codes

    def closed(a: AltitudeBands, b: AltitudeBands, *rest: Any) -> Any:
        up = [
            AltitudeBands(x.lower_m, x.upper_m + 1e-9, x.lower_datum, x.upper_datum, x.takeoff_amsl_m) for x in (a, b)
        ]
        return real(*up, *rest)

    patch.setattr(BLOCK, "overlap_codes", closed)


def floor_outside(patch: Patch) -> None:
    real = BLOCK.overlap_codes

    def opened(a: AltitudeBands, b: AltitudeBands, *rest: Any) -> Any:
        return real(
            a, AltitudeBands(b.lower_m + 1e-9, b.upper_m, b.lower_datum, b.upper_datum, b.takeoff_amsl_m), *rest
        )

    patch.setattr(BLOCK, "overlap_codes", opened)


def datums_ignored(patch: Patch) -> None:
    real = BLOCK.overlap_codes

    def alike(x: AltitudeBands) -> AltitudeBands:
        sea = np.full_like(x.lower_datum, Datum.AMSL.code)
        return AltitudeBands(x.lower_m, np.maximum(x.lower_m, x.upper_m), sea, sea, x.takeoff_amsl_m)

    patch.setattr(BLOCK, "overlap_codes", lambda a, b, *rest: real(alike(a), alike(b), *rest))


def geoid_the_wrong_way_up(patch: Patch) -> None:
    real = VERTICAL.narrowed
    patch.setattr(VERTICAL, "narrowed", lambda *given: -real(*given)[..., ::-1])


def time_ignored(patch: Patch) -> None:
    for name in ("_apply", "_may_apply"):
        patch.setattr(ZoneBlock, name, lambda _, row, *__: np.ones(len(row), dtype=np.bool_))


def end_inside(patch: Patch) -> None:
    for name in ("_apply", "_may_apply"):
        real = getattr(ZoneBlock, name)
        patch.setattr(ZoneBlock, name, lambda self, row, start, end, real=real: real(self, row, start, end + 1e-3))


def start_outside(patch: Patch) -> None:
    for name in ("_apply", "_may_apply"):
        real = getattr(ZoneBlock, name)
        patch.setattr(ZoneBlock, name, lambda self, row, start, end, real=real: real(self, row, start + 1.0, end))


def buffer_off_by(metres: float) -> Callable[[Patch], None]:
    def wrong(patch: Patch) -> None:
        real = VOLUMES.outlines
        patch.setattr(VOLUMES, "outlines", lambda *at: real(*at[:4], np.maximum(at[4] + metres, 0.001)))
        touching = ZoneBlock.touching

        def longer(self: ZoneBlock[None], volumes: Volumes, *rest: Any) -> Any:
            lines = volumes.centre_lines.copy()
            lines[:, 4] = np.maximum(lines[:, 4] + metres, 0.001)
            return touching(self, replace(volumes, centre_lines=lines), *rest)

        patch.setattr(ZoneBlock, "touching", longer)

    return wrong


def outlines_decide(patch: Patch) -> None:
    patch.setattr(INTERIORS, "lines_meet", lambda ours, *_: np.ones(len(ours), dtype=np.bool_))


def lines_alone_decide(patch: Patch) -> None:
    real = INTERIORS.lines_meet

    def without_reach(ours: Any, our_lines: Any, theirs: Any, their_lines: Any) -> Any:
        return real(ours, our_lines, theirs, np.where(np.arange(5) < 4, their_lines, 1e-3 + 0.0 * their_lines))

    patch.setattr(INTERIORS, "lines_meet", without_reach)


def edges_inside(patch: Patch) -> None:
    patch.setattr(
        ZoneBlock,
        "_meet",
        lambda self, part, outlines, _, at: shapely.intersects(self._parts.polygons[part], outlines[at]),
    )


def vertices_decide(patch: Patch) -> None:
    def meet(self: ZoneBlock[None], part: Any, outlines: Any, _: Any, at: Any) -> Any:
        met = [
            any(shapely.contains_xy(self._parts.polygons[p], *xy) for xy in shapely.get_coordinates(outlines[o]))
            for p, o in zip(part, at, strict=True)
        ]
        return np.array(met, dtype=np.bool_)

    patch.setattr(ZoneBlock, "_meet", meet)


def boxes_decide(patch: Patch) -> None:
    patch.setattr(ZoneBlock, "_meet", lambda _, part, *__: np.ones(len(part), dtype=np.bool_))


def longitude_scale_ignored(patch: Patch) -> None:
    curvature = lowsky.geo.shapes.projection.Curvature
    real = curvature.at

    def at(latitudes_rad: Any) -> Any:
        right = real(latitudes_rad)
        return curvature(right.meridian_m, right.meridian_m, right.eastward, right.poleward, right.flattening)

    patch.setattr(curvature, "at", at)


def antimeridian_ignored(patch: Patch) -> None:
    patch.setattr(lowsky.geo.shapes.corridors, "cut", lambda area: area)
    patch.setattr(lowsky.geo.volumes.volumes, "cut", lambda area: area)


BOTH = ("legs", "volumes")
MUTANTS: list[tuple[str, Callable[[Patch], None], str, tuple[str, ...]]] = [
    ("altitude ignored", altitude_ignored, "altitude", BOTH),
    ("ceiling inside", ceiling_inside, "altitude", BOTH),
    ("floor outside", floor_outside, "altitude", BOTH),
    ("datums ignored", datums_ignored, "altitude", BOTH),
    ("geoid the wrong way up", geoid_the_wrong_way_up, "altitude", BOTH),
    ("time ignored", time_ignored, "time", BOTH),
    ("end inside", end_inside, "time", BOTH),
    ("first second outside", start_outside, "time", BOTH),
    ("buffer a metre wide", buffer_off_by(1.0), "plan", ("legs",)),
    ("buffer a metre short", buffer_off_by(-1.0), "plan", ("legs",)),
    ("outlines decide", outlines_decide, "plan", ("legs",)),
    ("lines alone decide", lines_alone_decide, "plan", ("legs",)),
    ("longitude scale ignored", longitude_scale_ignored, "plan", ("legs",)),
    ("edges inside", edges_inside, "plan", ("volumes",)),
    ("vertices decide", vertices_decide, "plan", BOTH),
    ("boxes decide", boxes_decide, "plan", BOTH),
    ("antimeridian ignored", antimeridian_ignored, "plan", BOTH),
]


@pytest.mark.parametrize(
    ("wrong", "focus", "check"),
    [
        pytest.param(wrong, focus, check, id=f"{name} - {check}")
        for name, wrong, focus, checks in MUTANTS
        for check in checks
    ],
)
def test_a_mistake_is_caught(wrong: Callable[[Patch], None], focus: str, check: str, monkeypatch: Patch) -> None:
    @TEETH
    @given(leg_cases(focus) if check == "legs" else volume_cases(focus))
    def compare(case: Any) -> None:
        (check_legs if check == "legs" else check_volumes)(case)

    wrong(monkeypatch)
    with pytest.raises(AssertionError, match="disagreements"):
        compare()
