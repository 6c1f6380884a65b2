"""Bounds of the ground from a raster, and what they do to the comparison of heights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.transform import Affine
from shapely import box

from lowsky.geo.heights.altitude import AltitudeBand, Datum, VerticalReference
from lowsky.geo.heights.terrain import Terrain, read_terrain
from lowsky.geo.volumes.volumes import Volume4D, Volumes
from lowsky.geo.zones.geozone import Geozone, Layer, Restriction
from lowsky.geo.zones.index import IndexedZone, ZoneIndex
from lowsky.geofence.config import GeofenceConfig

STEP = 0.001
WEST, NORTH = 113.0, 23.0
SEED = 5
NODATA = -9999.0


def written(
    path: Path, metres: NDArray[np.float32], crs: str | None = "EPSG:4326", transform: Affine | None = None
) -> Path:
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=metres.shape[0],
        width=metres.shape[1],
        count=1,
        dtype="float32",
        crs=crs,
        transform=transform or Affine(STEP, 0, WEST, 0, -STEP, NORTH),
        nodata=NODATA,
    ) as raster:
        raster.write(metres, 1)
    return path


def flat(metres: float) -> NDArray[np.float32]:
    return np.full((100, 100), metres, dtype=np.float32)


def at(row: float, column: float, rows: float, columns: float) -> list[float]:
    """The box of a window, in pixels from the north-west corner."""
    return [
        WEST + column * STEP,
        NORTH - (row + rows) * STEP,
        WEST + (column + columns) * STEP,
        NORTH - row * STEP,
    ]


def test_flat_ground_is_known_to_the_error(tmp_path: Path) -> None:
    terrain = read_terrain(written(tmp_path / "flat.tif", flat(30)), 2.0)
    assert terrain.bounds_of(np.array([at(10, 10, 50, 50)]))[0] == pytest.approx([28.0, 32.0], abs=1e-4)


def test_of_a_slope_every_pixel_touched_counts_and_one_more(tmp_path: Path) -> None:
    slope = np.tile(np.arange(100, dtype=np.float32), (100, 1))
    terrain = read_terrain(written(tmp_path / "slope.tif", slope), 1.0)
    assert terrain.bounds_of(np.array([at(50.5, 20.5, 0, 2)]))[0] == pytest.approx([18.0, 24.0], abs=1e-4)


def test_no_data_and_ground_outside_are_not_known(tmp_path: Path) -> None:
    metres = flat(30)
    metres[40, 40] = NODATA
    terrain = read_terrain(written(tmp_path / "hole.tif", metres), 1.0)
    boxes = [
        at(10.5, 10.5, 1, 1),
        at(39.5, 39.5, 1, 1),  # touches the hole
        at(30.5, 30.5, 40, 40),
        at(90.5, 90.5, 20, 2),  # out to the south
        at(50.5, 0.5, 1, 1),  # no pixel beyond the edge
        [-10.0, 10.0, -9.0, 11.0],
    ]
    known = ~np.isnan(terrain.bounds_of(np.array(boxes))).any(axis=1)
    assert known.tolist() == [True, False, False, False, False, False]


def test_bounds_contain_all_pixels_of_any_box() -> None:
    draw = np.random.default_rng(SEED)
    metres = draw.uniform(-50, 900, (230, 310))
    terrain = Terrain(metres, west=WEST, north=NORTH, step=(STEP, STEP), error_m=0.0)
    first = np.stack([draw.integers(1, 220, 500), draw.integers(1, 300, 500)], axis=1)
    last = np.minimum(first + draw.integers(0, 120, (500, 2)), [228, 308])
    boxes = np.array([at(r + 0.5, c + 0.5, r2 - r, c2 - c) for (r, c), (r2, c2) in zip(first, last, strict=True)])
    bounds = terrain.bounds_of(boxes)
    for (r, c), (r2, c2), (least, greatest) in zip(first, last, bounds, strict=True):
        window = metres[r - 1 : r2 + 2, c - 1 : c2 + 2]
        assert least <= window.min()
        assert greatest >= window.max()


def test_a_raster_across_the_antimeridian_answers_on_both_sides() -> None:
    terrain = Terrain(np.full((20, 20), 7.0), west=179.0, north=1.0, step=(0.1, 0.1), error_m=0.0)
    bounds = terrain.bounds_of(np.array([[179.5, 0, 179.6, 0.1], [-179.5, 0, -179.4, 0.1], [179.9, 0, 180.1, 0.1]]))
    assert bounds == pytest.approx(np.full((3, 2), 7.0), abs=1e-4)


@pytest.mark.parametrize(
    ("crs", "transform", "says"),
    [
        ("EPSG:32649", None, "EPSG:4326"),
        (None, None, "EPSG:4326"),
        ("EPSG:4326", Affine(STEP, STEP / 9, WEST, 0, -STEP, NORTH), "rotated"),
        ("EPSG:4326", Affine(STEP, 0, WEST, 0, STEP, NORTH), "north up"),
    ],
)
def test_other_rasters_are_refused(tmp_path: Path, crs: str | None, transform: Affine | None, says: str) -> None:
    path = written(tmp_path / "other.tif", flat(1), crs, transform)
    with pytest.raises(ValueError, match=says):
        read_terrain(path, 1.0)


def test_what_is_no_raster_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.tif"
    path.write_text("hills")
    with pytest.raises(ValueError, match=r"text\.tif"):
        read_terrain(path, 1.0)


def met(flight: AltitudeBand, zone: AltitudeBand, reference: VerticalReference, row: float = 40) -> list[int]:
    west, south, east, north = at(row, 40, 5, 5)
    outline = box(west, south, east, north)
    geozone = Geozone("z", "CHN", (), Restriction.PROHIBITED, (Layer(outline, zone),))
    index = ZoneIndex([IndexedZone("geozones/d.z", geozone, None)], revision=1)
    volumes = Volumes.of([[Volume4D(outline, flight, 0.0, 60.0)]])
    codes: list[int] = index.touching(volumes, reference).altitude.tolist()
    return codes


AGL_100 = AltitudeBand(100, Datum.AGL, 100, Datum.AGL)


@pytest.mark.parametrize(
    ("floor_m", "ceiling_m", "codes"),
    [
        (120, 200, [2]),  # on ground of 28 to 32 m it is at 128 to 132 m
        (130, 200, [1]),
        (131.99, 200, [1]),
        (132.01, 200, []),
        (0, 127.99, []),
    ],
)
def test_a_raster_decides_between_heights_above_ground_and_sea(
    floor_m: float, ceiling_m: float, codes: list[int]
) -> None:
    terrain = Terrain(flat(30), west=WEST, north=NORTH, step=(STEP, STEP), error_m=2.0)
    reference = VerticalReference(terrain_min_m=0, terrain_max_m=500, ground=terrain)
    assert met(AGL_100, AltitudeBand(floor_m, Datum.AMSL, ceiling_m, Datum.AMSL), reference) == codes


def test_where_the_raster_says_nothing_the_stated_bounds_hold() -> None:
    terrain = Terrain(flat(30), west=WEST, north=NORTH, step=(STEP, STEP), error_m=2.0)
    reference = VerticalReference(terrain_min_m=0, terrain_max_m=500, ground=terrain)
    zone = AltitudeBand(550, Datum.AMSL, 600, Datum.AMSL)
    assert (met(AGL_100, zone, reference), met(AGL_100, zone, reference, row=200)) == ([], [1])


def test_a_take_off_point_may_lie_elsewhere() -> None:
    terrain = Terrain(flat(30), west=WEST, north=NORTH, step=(STEP, STEP), error_m=2.0)
    reference = VerticalReference(terrain_min_m=0, terrain_max_m=500, ground=terrain)
    flight = AltitudeBand(100, Datum.TAKEOFF, 100, Datum.TAKEOFF)
    assert met(flight, AltitudeBand(550, Datum.AMSL, 600, Datum.AMSL), reference) == [1]


def test_a_raster_that_contradicts_the_stated_bounds_widens_them() -> None:
    terrain = Terrain(flat(300), west=WEST, north=NORTH, step=(STEP, STEP), error_m=2.0)
    reference = VerticalReference(terrain_min_m=0, terrain_max_m=100, ground=terrain)
    for height_m in (150, 390):
        assert met(AGL_100, AltitudeBand(height_m, Datum.AMSL, height_m, Datum.AMSL), reference) == [1]


def test_the_configuration_reads_the_raster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "flat.tif", flat(30))
    monkeypatch.setenv("LOWSKY_TERRAIN", str(tmp_path / "flat.tif"))
    monkeypatch.setenv("LOWSKY_TERRAIN_ERROR_M", "2")
    ground = configuration().vertical_reference.ground
    assert ground is not None
    assert ground.bounds_of(np.array([at(10, 10, 5, 5)]))[0] == pytest.approx([28.0, 32.0], abs=1e-4)
    monkeypatch.delenv("LOWSKY_TERRAIN")
    assert configuration().vertical_reference.ground is None


def configuration() -> GeofenceConfig:
    return GeofenceConfig()


def met_over(stated_m: tuple[float, float] | None, floor_m: float, reference: VerticalReference) -> list[int]:
    west, south, east, north = at(40, 40, 5, 5)
    outline = box(west, south, east, north)
    zone = AltitudeBand(floor_m, Datum.AMSL, floor_m + 10, Datum.AMSL)
    geozone = Geozone("z", "CHN", (), Restriction.PROHIBITED, (Layer(outline, zone),), terrain_m=stated_m)
    index = ZoneIndex([IndexedZone("geozones/d.z", geozone, None)], revision=1)
    volumes = Volumes.of([[Volume4D(outline, AGL_100, 0.0, 60.0)]])
    codes: list[int] = index.touching(volumes, reference).altitude.tolist()
    return codes


@pytest.mark.parametrize(
    ("stated_m", "floor_m", "codes"),
    [
        (None, 400, [1]),
        ((20, 40), 400, []),  # at most 140 m above the sea
        ((20, 40), 139, [1]),
        ((600, 700), 400, [1]),  # against what the installation says: all that either allows
    ],
)
def test_what_a_publisher_says_of_the_ground_counts_where_no_raster_does(
    stated_m: tuple[float, float] | None, floor_m: float, codes: list[int]
) -> None:
    assert met_over(stated_m, floor_m, VerticalReference(terrain_min_m=0, terrain_max_m=500)) == codes


def test_a_raster_counts_before_what_a_publisher_says() -> None:
    terrain = Terrain(flat(300), west=WEST, north=NORTH, step=(STEP, STEP), error_m=2.0)
    assert met_over((20, 40), 395, VerticalReference(0, 500, ground=terrain)) == [2]
