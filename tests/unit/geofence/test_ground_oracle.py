"""Ground by rasters and by publishers against an oracle that reads it cell by cell (tests/oracle/ground.py).

What must be found by the common ground of zone and flight is found, and nothing that their boxes do not allow.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from rasterio.transform import Affine
from shapely import Polygon

import lowsky.geo.heights.vertical_reference
from lowsky.geo.heights.altitude import VerticalReference
from lowsky.geo.heights.terrain import Terrain, read_terrain
from lowsky.geo.volumes.trajectory import Trajectory
from lowsky.geo.volumes.volumes import Volumes, corridors
from lowsky.geo.zones.geozone import Geozone, Layer, Restriction
from lowsky.geo.zones.index import IndexedZone, ZoneIndex
from lowsky.geo.zones.zone_block import ZoneBlock
from tests.oracle.cases import band
from tests.oracle.geofence import Key, disagreements
from tests.oracle.ground import Raster, expected_over
from tests.oracle.ground_cases import Case, cases, looks
from tests.oracle.profile import PROFILE, TEETH

Patch = pytest.MonkeyPatch
NODATA = -9999


def written(folder: Path, raster: Raster, packed: bool) -> Path:
    """The raster as a GeoTIFF: of metres, or of quarters of metres above -10 m in whole numbers."""
    path = folder / "ground.tif"
    metres = (raster.metres + 10.0) * 4.0 if packed else raster.metres
    profile = {
        "driver": "GTiff",
        "height": metres.shape[0],
        "width": metres.shape[1],
        "count": 1,
        "dtype": "int16" if packed else "float32",
        "crs": "EPSG:4326",
        "transform": Affine(raster.step, 0, raster.west, 0, -raster.step, raster.north),
        "nodata": NODATA,
    }
    with rasterio.open(path, "w", **profile) as file:
        file.write(np.where(np.isnan(metres), NODATA, metres).astype(profile["dtype"]), 1)
        if packed:
            file.scales, file.offsets = (0.25,), (-10.0,)
    return path


def read(raster: Raster, packed: bool) -> Terrain:
    with tempfile.TemporaryDirectory() as folder:
        return read_terrain(written(Path(folder), raster, packed), raster.error_m)


def made(raster: Raster) -> Terrain:
    """The same without a file."""
    step = raster.step, raster.step
    return Terrain(raster.metres, west=raster.west, north=raster.north, step=step, error_m=raster.error_m)


def found(case: Case, terrain: Terrain | None) -> dict[Key, bool]:
    """What the index finds over that ground, and whether for certain."""
    reference = VerticalReference(*case.known.terrain, *case.known.geoid, ground=terrain)
    layer = Layer(case.outline, band(case.zone.limits))
    geozone = Geozone("Z", "CHE", (), Restriction.PROHIBITED, (layer,), terrain_m=case.zone.stated)
    index = ZoneIndex([IndexedZone("geozones/Z", geozone, None)], 1)
    flown = case.flown
    volumes = corridors([flown], reference) if isinstance(flown, Trajectory) else Volumes.of([[flown]])
    certain = index.touching(volumes, reference).certain.tolist()
    return {(0, 0, 0): certain[0]} if certain else {}


def check(case: Case, terrain: Terrain | None = None) -> None:
    assert not disagreements(found(case, terrain), expected_over([case.flight], [case.zone], case.known))


@PROFILE
@given(cases(), st.booleans())
def test_over_a_raster_zones_are_met_as_the_oracle_says(case: Case, packed: bool) -> None:
    assert case.known.raster is not None
    check(case, read(case.known.raster, packed))


@PROFILE
@given(cases(raster=False))
def test_over_the_ground_that_publishers_state_zones_are_met_as_the_oracle_says(case: Case) -> None:
    check(case)


def bounds_disagreements(look: tuple[Raster, Polygon], terrain: Terrain) -> list[str]:
    """Whether bounds are less wide than the cells that must count make them, or wider than those that may."""
    raster, shape = look
    least, most, *_ = raster.known(shapely.box(*shape.bounds), shape.bounds)
    low, high = terrain.bounds_of(np.array([shape.bounds]))[0].tolist()
    if math.isnan(low):
        return [] if most is None else ["nothing is said, but all cells are known"]
    if least is None:
        return ["something is said, but a cell is not known"]
    wrong = [] if low <= least[0] <= least[1] <= high else ["a cell is left out"]
    if most is not None and not most[0] <= low <= high <= most[1]:
        wrong.append("another cell counts")
    return wrong


@PROFILE
@given(looks(), st.booleans())
def test_the_bounds_of_a_box_are_those_of_its_cells(look: tuple[Raster, Polygon], packed: bool) -> None:
    assert not bounds_disagreements(look, read(look[0], packed))


# --- The oracle has teeth: each of these mistakes is caught


def shifted(rows: int = 0, columns: int = 0) -> Callable[[Patch], None]:
    """The raster is read from a cell further."""

    def wrong(patch: Patch) -> None:
        real = Terrain.__init__

        def init(self: Terrain, metres: Any, **rest: Any) -> None:
            real(self, np.roll(metres, (rows, columns), axis=(0, 1)), **rest)

        patch.setattr(Terrain, "__init__", init)

    return wrong


def window(first: tuple[int, int], last: tuple[int, int]) -> Callable[[Patch], None]:
    """Rows or columns at the edge of what is read are left out."""

    def wrong(patch: Patch) -> None:
        real = Terrain._within

        def within(self: Terrain, begin: NDArray[np.intp], end: NDArray[np.intp]) -> Any:
            return real(self, np.minimum(begin + first, end), np.maximum(end - last, begin))

        patch.setattr(Terrain, "_within", within)

    return wrong


def error_ignored(patch: Patch) -> None:
    real = Terrain.__init__
    patch.setattr(Terrain, "__init__", lambda self, metres, **rest: real(self, metres, **{**rest, "error_m": 0.0}))


def holes_filled(patch: Patch) -> None:
    real = Terrain.__init__

    def init(self: Terrain, metres: Any, **rest: Any) -> None:
        real(self, np.where(np.isnan(metres), np.nanmean(metres), metres), **rest)

    patch.setattr(Terrain, "__init__", init)


def beyond_is_edge(patch: Patch) -> None:
    real = Terrain.bounds_of

    def bounds_of(self: Terrain, boxes: Any) -> Any:
        known = real(self, boxes)
        known[np.isnan(known).any(axis=1)] = 10.0
        return known

    patch.setattr(Terrain, "bounds_of", bounds_of)


def raster_ignored(patch: Patch) -> None:
    patch.setattr(Terrain, "bounds_of", lambda _, boxes: np.full((len(boxes), 2), np.nan))


def publisher_ignored(patch: Patch) -> None:
    real = ZoneBlock.__init__

    def init(self: Any, zones: Any) -> None:
        real(self, zones)
        self._terrain_m = np.full_like(self._terrain_m, np.nan)

    patch.setattr(ZoneBlock, "__init__", init)


def publisher_first(patch: Patch) -> None:
    local = ZoneBlock._local

    def prefer(self: Any, part: Any, bands: Any, own: Any, outlines: Any, outline: Any, reference: Any) -> Any:
        told = local(self, part, bands, own, outlines, outline, reference)
        if told.terrain_m is not None:
            stated = self._terrain_m[self._layer_of_part[part]]
            object.__setattr__(told, "terrain_m", np.where(np.isnan(stated), told.terrain_m, stated))
        return told

    patch.setattr(ZoneBlock, "_local", prefer)


def contradictions_kept(patch: Patch) -> None:
    patch.setattr(lowsky.geo.heights.vertical_reference, "narrowed", lambda _, __, local: local)


def take_off_is_here(patch: Patch) -> None:
    patch.setattr(lowsky.geo.heights.vertical_reference, "_AGL", lowsky.geo.heights.vertical_reference._TAKEOFF)


Mutants = list[tuple[str, Callable[[Patch], None]]]
BOUNDS: Mutants = [
    ("a row too far south", shifted(rows=1)),
    ("a column too far east", shifted(columns=1)),
    ("first row left out", window((1, 0), (0, 0))),
    ("last row left out", window((0, 0), (1, 0))),
    ("first column left out", window((0, 1), (0, 0))),
    ("last column left out", window((0, 0), (0, 1))),
    ("error ignored", error_ignored),
    ("holes filled", holes_filled),
    ("ground goes on beyond", beyond_is_edge),
]
RASTER: Mutants = [
    ("error ignored", error_ignored),
    ("holes filled", holes_filled),
    ("ground goes on beyond", beyond_is_edge),
    ("raster ignored", raster_ignored),
    ("publisher ignored", publisher_ignored),
    ("publisher before raster", publisher_first),
    ("contradictions kept", contradictions_kept),
    ("take-off is here", take_off_is_here),
]
STATED: Mutants = [("publisher ignored", publisher_ignored), ("contradictions kept", contradictions_kept)]


@pytest.mark.parametrize(
    ("wrong", "ground"),
    [
        pytest.param(wrong, ground, id=f"{name} - {ground}")
        for ground, mutants in (("bounds", BOUNDS), ("raster", RASTER), ("stated", STATED))
        for name, wrong in mutants
    ],
)
def test_a_mistake_is_caught(wrong: Callable[[Patch], None], ground: str, monkeypatch: Patch) -> None:
    @TEETH
    @given(looks() if ground == "bounds" else cases(raster=ground == "raster"))
    def compare(drawn: Any) -> None:
        if ground == "bounds":
            assert not bounds_disagreements(drawn, made(drawn[0]))
        else:
            check(drawn, made(drawn.known.raster) if drawn.known.raster else None)

    wrong(monkeypatch)
    with pytest.raises(AssertionError, match="disagreements"):
        compare()
