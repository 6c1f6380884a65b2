"""The areas of authorities: the default rules that apply where no zone states otherwise, and ground outside all areas.

There are two kinds of maps. Maps of forbidden airspace leave the rest open; maps of permitted airspace (China's
suitable airspace) leave the rest to the authority. An area's default rule states which kind applies: a flight above the
height up to which the area is open needs the authority's approval, unless all of it lies in permitted airspace, which
are zones without restriction of the same authority. Uncertain cases count as above that height, and as not permitted.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import STRtree
from shapely.geometry.base import BaseGeometry

from lowsky.geo.heights.altitude import (
    ANYWHERE,
    AltitudeBand,
    AltitudeBands,
    Datum,
    VerticalReference,
    needs_geoid,
    needs_terrain,
    overlap_codes,
)
from lowsky.geo.heights.geoid import geoid_bounds_of, shared_ground
from lowsky.geo.shapes.fine_outlines import fine_outline
from lowsky.geo.thread_locks import locked
from lowsky.geo.volumes.volumes import Volumes
from lowsky.geo.zones.geozone import Layer, Restriction
from lowsky.geo.zones.index import Touches, ZoneIndex
from lowsky.geo.zones.zone_block import Indices
from lowsky.geofence.always_applies import applies_throughout

Floats = NDArray[np.float64]

SLIVER_DEGREES = 1e-8
"""About a millimetre: narrower remainders do not count as ground. Borders that are drawn twice, or cut at the
antimeridian, come out some millionths of a millimetre apart."""


@dataclass(frozen=True, slots=True)
class StatedArea:
    """The area that an authority is responsible for, and the height above ground up to which flying is open there.

    `ground` is cut at the antimeridian. `open_below_m` is inf where only published zones apply, and -inf where
    every flight needs the authority's approval.
    """

    authority: str
    title: str
    ground: BaseGeometry
    open_below_m: float = math.inf

    @property
    def closed_band(self) -> AltitudeBand:
        """The heights at which the authority is to be asked, of an area that has a default."""
        return AltitudeBand(self.open_below_m, Datum.AGL, math.inf, Datum.AGL)


class AreaIndex:
    """An immutable index of areas. Threads may share one."""

    __slots__ = ("_grounds", "_lock", "_tree", "areas", "has_default")

    def __init__(self, areas: Iterable[StatedArea] = ()) -> None:
        self.areas: tuple[StatedArea, ...] = tuple(areas)
        self.has_default = np.array([area.open_below_m < math.inf for area in self.areas], dtype=np.bool_)
        self._grounds = np.empty(len(self.areas), dtype=np.object_)
        self._grounds[:] = [area.ground for area in self.areas]
        shapely.prepare(self._grounds)
        self._tree = STRtree(self._grounds)
        # A prepared outline builds its own index when it is first asked, which two threads must not do at once.
        self._lock = threading.Lock()

    def meeting(self, outlines: NDArray[np.object_]) -> tuple[Indices, Indices, NDArray[np.bool_]]:
        """Indexes of outlines and of areas that may share ground; and whether the area contains the whole outline."""
        outline, area = self._tree.query(outlines)
        with locked(self._lock):
            meet = shapely.intersects(self._grounds[area], outlines[outline])
            outline, area = outline[meet], area[meet]
            return outline, area, shapely.covers(self._grounds[area], outlines[outline])


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """Volumes that need an authority's approval because of its area's default rule: arrays of equal length."""

    volume: Indices
    area: Indices
    certain: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class AreaLook:
    """The areas that volumes are in: indexes into the volumes and into `AreaIndex.areas`."""

    asked: Asked
    nobodys: Indices
    """Volumes of which some ground lies in no area."""
    permitted: Sequence[tuple[int, int]]
    """Volumes, and indexes of the zones that permit them, so that no authority is asked."""
    met: tuple[Indices, Indices]
    """Volumes, and the areas that they may share ground with: arrays of equal length."""


_NONE: Indices = np.zeros(0, dtype=np.intp)
_NOBODY = Asked(_NONE, _NONE, np.zeros(0, dtype=np.bool_))


def look_at_areas(
    areas: AreaIndex,
    zones: ZoneIndex[object],
    touches: Touches,
    volumes: Volumes,
    reference: VerticalReference = ANYWHERE,
) -> AreaLook:
    """Where volumes meet the defaults of areas and are not permitted by the zones that they touch, and where they leave
    all areas.

    Where no authority has stated an area, no ground counts as outside of all areas.
    """
    if not areas.areas or not len(volumes):
        return AreaLook(_NOBODY, _NONE, (), (_NONE, _NONE))
    outlines = _fine_at_borders(areas, volumes)
    volume, area, inside = areas.meeting(outlines)
    nobodys = _outside(areas, outlines, volume, area, inside)
    closed = areas.has_default[area].nonzero()[0]
    if not len(closed):
        return AreaLook(_NOBODY, nobodys, (), (volume, area))
    bands = AltitudeBands.of(areas.areas[place].closed_band for place in area[closed])
    flown = volumes.altitudes[volume[closed]]
    shared = _shared(volumes.outlines[volume[closed]], [areas.areas[place].ground for place in area[closed]])
    codes = overlap_codes(flown, bands, reference, *_local(flown, bands, shared, reference))
    closed, codes = closed[codes > 0], codes[codes > 0]
    permitted = _permitted(zones, touches, volumes, np.unique(volume[closed]), reference)
    asks = np.zeros(len(closed), dtype=np.bool_)
    relied: set[tuple[int, int]] = set()
    for n, pair in enumerate(closed.tolist()):
        place, stated = int(volume[pair]), areas.areas[area[pair]]
        free = _of(stated, zones, permitted.get(place, ()))
        within = None if inside[pair] else stated.ground
        asks[n] = _is_left(outlines[place], within, [outline for _, outline in free])
        if asks[n] and free and outlines[place] is volumes.outlines[place]:
            outlines[place] = _fine(volumes, place)
            asks[n] = _is_left(outlines[place], within, [outline for _, outline in free])
        # A flight that only touches the border of the area needs no approval there.
        if not asks[n] and free and _is_left(outlines[place], within, ()):
            relied.update((place, zone) for zone, _ in free)
    asked = closed[asks]
    return AreaLook(Asked(volume[asked], area[asked], codes[asks] > 1), nobodys, sorted(relied), (volume, area))


def _fine_at_borders(areas: AreaIndex, volumes: Volumes) -> NDArray[np.object_]:
    """The outlines of volumes, a copy: right to a centimetre where they are at the border of an area."""
    outlines = volumes.outlines.copy()
    volume, _, inside = areas.meeting(outlines)
    for place in np.unique(volume[~inside]).tolist():
        outlines[place] = _fine(volumes, place)
    return outlines


def _fine(volumes: Volumes, place: int) -> BaseGeometry:
    line = volumes.centre_line(place)
    return volumes.outlines[place] if line is None else fine_outline(line)


def _outside(
    areas: AreaIndex, outlines: NDArray[np.object_], outline: Indices, area: Indices, inside: NDArray[np.bool_]
) -> Indices:
    held = np.zeros(len(outlines), dtype=np.bool_)
    held[outline[inside]] = True
    if held.all():
        return _NONE
    candidates: dict[int, list[BaseGeometry]] = {place: [] for place in (~held).nonzero()[0].tolist()}
    for place, of in zip(outline.tolist(), area.tolist(), strict=True):
        if place in candidates:
            candidates[place].append(areas.areas[of].ground)
    return np.array(
        [place for place, grounds in candidates.items() if _is_left(outlines[place], None, grounds)], dtype=np.intp
    )


def _is_left(outline: BaseGeometry, within: BaseGeometry | None, taken: Sequence[BaseGeometry]) -> bool:
    """Whether ground of an outline (that lies within another) remains after subtracting `taken`."""
    rest = outline if within is None else shapely.intersection(outline, within)
    for ground in taken:
        rest = shapely.difference(rest, ground)
    if rest is outline:
        return True
    return not shapely.is_empty(shapely.buffer(rest, -SLIVER_DEGREES / 2))


def _of(
    area: StatedArea, zones: ZoneIndex[object], permitted: Sequence[tuple[int, BaseGeometry]]
) -> list[tuple[int, BaseGeometry]]:
    """The zones that the area's own authority publishes: no other authority can open it."""
    return [(zone, outline) for zone, outline in permitted if zones.zones[zone].geozone.publisher == area.authority]


def _permitted(
    zones: ZoneIndex[object], touches: Touches, volumes: Volumes, places: Indices, reference: VerticalReference
) -> Mapping[int, Sequence[tuple[int, BaseGeometry]]]:
    """Of the volumes at these places: place and outline of zones without restriction that certainly hold all their
    heights, all the time."""
    free = [
        row
        for row in np.flatnonzero(np.isin(touches.volume, places)).tolist()
        if zones.zones[touches.zone[row]].geozone.restriction is Restriction.NO_RESTRICTION
    ]
    if not free:
        return {}
    layers = [zones.zones[touches.zone[row]].geozone.layers[touches.layer[row]] for row in free]
    volume = touches.volume[free]
    bands, flown = AltitudeBands.of(layer.altitude for layer in layers), volumes.altitudes[volume]
    shared = _shared(volumes.outlines[volume], [layer.outline for layer in layers])
    stated = [zones.zones[touches.zone[row]].geozone.terrain_m for row in free]
    held = _hold(bands, flown, reference, *_local(flown, bands, shared, reference, stated))
    found: dict[int, list[tuple[int, BaseGeometry]]] = {}
    for row, layer, place, holds in zip(free, layers, volume.tolist(), held, strict=True):
        times = zones.zones[touches.zone[row]].geozone.applicability
        if holds and applies_throughout(times, float(volumes.start_s[place]), float(volumes.end_s[place])):
            found.setdefault(place, []).append((int(touches.zone[row]), _surely(layer)))
    return found


def _surely(layer: Layer) -> BaseGeometry:
    """The ground of a layer that permits: never more than was published."""
    if layer.sure is not None:
        return layer.sure
    return layer.outline if layer.circle is None else fine_outline(layer.circle, inside=True)


def _shared(outlines: NDArray[np.object_], grounds: Sequence[BaseGeometry]) -> Floats:
    """The boxes that outlines and grounds share, pair by pair, (n, 4)."""
    return shared_ground(shapely.bounds(outlines).reshape(-1, 4), shapely.bounds(grounds).reshape(-1, 4))


def _local(
    flown: AltitudeBands,
    bands: AltitudeBands,
    boxes: Floats,
    reference: VerticalReference,
    stated: Sequence[tuple[float, float] | None] = (),
) -> tuple[Floats | None, Floats | None]:
    """Bounds on undulation and ground in boxes, (n, 2), as they are for zones; None where those of the area do.

    Args:
        stated: What publishers say of the ground, which counts where no raster answers.
    """
    geoid_m = geoid_bounds_of(boxes) if needs_geoid(flown, bands) else None
    if not needs_terrain(flown, bands):
        return geoid_m, None
    terrain_m = np.full((len(boxes), 2), np.nan)
    for place, ground in enumerate(stated):
        terrain_m[place] = ground or np.nan
    if reference.ground is not None:
        surveyed_m = reference.ground.bounds_of(boxes)
        terrain_m = np.where(np.isnan(surveyed_m), terrain_m, surveyed_m)
    return geoid_m, terrain_m


def _hold(
    outer: AltitudeBands,
    inner: AltitudeBands,
    reference: VerticalReference,
    geoid_m: Floats | None,
    terrain_m: Floats | None,
) -> NDArray[np.bool_]:
    """Whether bands certainly hold others, whatever terrain and geoid within the bounds; a level flight at a ceiling
    is above it."""
    outer, inner = outer.resolved(), inner.resolved()
    least, _ = reference.differences(inner.lower_datum, outer.lower_datum, geoid_m, terrain_m)
    _, greatest = reference.differences(inner.upper_datum, outer.upper_datum, geoid_m, terrain_m)
    level = (inner.lower_datum == inner.upper_datum) & (inner.lower_m == inner.upper_m)
    top_m = inner.upper_m + greatest
    holds: NDArray[np.bool_] = (inner.lower_m + least >= outer.lower_m) & (
        (top_m < outer.upper_m) | (~level & (top_m == outer.upper_m))
    )
    return holds
