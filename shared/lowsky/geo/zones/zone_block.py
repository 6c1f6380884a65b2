"""Zones as arrays, a tree of their parts and prepared outlines: built once, never changed, shared by the indices that
are made of it.

The tree preselects by bounding boxes, altitude and time are decided on arrays, and what is left is decided exactly
against prepared outlines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import STRtree

from lowsky.geo.heights.altitude import (
    AltitudeBand,
    AltitudeBands,
    Overlap,
    VerticalReference,
    amsl_reach,
    needs_geoid,
    needs_terrain,
    overlap_codes,
)
from lowsky.geo.heights.geoid import geoid_bounds_of, shared_ground
from lowsky.geo.schedules.timetable import Timetable
from lowsky.geo.shapes.centre_lines import column
from lowsky.geo.shapes.grouped_arrays import changes
from lowsky.geo.shapes.interiors import Parts
from lowsky.geo.volumes.volumes import Volumes
from lowsky.geo.zones.geozone import Geozone

Payload = TypeVar("Payload", covariant=True)

Indices = NDArray[np.intp]

Floats = NDArray[np.float64]

Gone = NDArray[np.bool_] | None
"""Which zones of a block are not there any more; None where all are."""


@dataclass(frozen=True, slots=True)
class IndexedZone(Generic[Payload]):
    """A zone under its resource name, `geozones/{geozone}`, with whatever its user keeps beside it."""

    name: str
    geozone: Geozone
    payload: Payload


@dataclass(frozen=True, slots=True, eq=False)
class Met:
    """Which volumes meet which layers of which zones of a block: arrays of equal length, by volume, zone, layer.

    `codes` are those of `Overlap` that overlap. `reach_m`, (n, 4), are the least and the greatest height above mean sea
    level that the volume and then the layer may have where they meet, from the bounds by which they were compared; NaN
    where it is certain that they do.
    """

    volume: Indices
    zone: Indices
    layer: Indices
    codes: NDArray[np.int8]
    reach_m: Floats


_NONE: Indices = np.zeros(0, dtype=np.intp)
_NOTHING = Met(_NONE, _NONE, _NONE, np.zeros(0, dtype=np.int8), np.zeros((0, 4)))


@dataclass(frozen=True, slots=True, eq=False)
class _Local:
    """Bounds on undulation and ground, pair by pair, (n, 2); None where those of the area do."""

    geoid_m: Floats | None
    terrain_m: Floats | None

    def at(self, keep: Indices) -> _Local:
        return _Local(
            None if self.geoid_m is None else self.geoid_m[keep],
            None if self.terrain_m is None else self.terrain_m[keep],
        )


class ZoneBlock(Generic[Payload]):
    """Zones in the order in which they were given. Threads may share one.

    Raises:
        ValueError: when two zones have one name.
    """

    __slots__ = (
        "_bands",
        "_first_row",
        "_layer_of_part",
        "_layer_of_row",
        "_parts",
        "_says_terrain",
        "_terrain_m",
        "_times",
        "_tree",
        "_zone_of_row",
        "place",
        "zones",
    )

    def __init__(self, zones: Sequence[IndexedZone[Payload]]) -> None:
        self.zones = tuple(zones)
        self.place = {zone.name: place for place, zone in enumerate(self.zones)}
        """Of each zone in `zones`, by its name."""
        if len(self.place) != len(self.zones):
            raise ValueError("two zones have one name")
        # A row is a layer of a zone; a part is one polygon of a layer, so that far islands have boxes of their own.
        layers = [layer for zone in self.zones for layer in zone.geozone.layers]
        counts = np.array([len(zone.geozone.layers) for zone in self.zones], dtype=np.intp)
        self._zone_of_row: Indices = np.repeat(np.arange(len(counts)), counts)
        self._first_row: Indices = np.cumsum(counts) - counts
        self._layer_of_row: Indices = np.arange(len(layers)) - self._first_row[self._zone_of_row]
        self._bands = AltitudeBands.of(layer.altitude for layer in layers)
        outlines = np.empty(len(layers), dtype=np.object_)
        outlines[:] = [layer.outline for layer in layers]
        parts, rows = shapely.get_parts(outlines, return_index=True)
        self._parts = Parts(parts, column([layer.circle for layer in layers])[rows])
        self._layer_of_part: Indices = rows.astype(np.intp)
        self._tree = STRtree(parts)
        self._times = Timetable([zone.geozone.applicability for zone in self.zones])
        grounds = [zone.geozone.terrain_m or (np.nan, np.nan) for zone in self.zones]
        self._terrain_m = np.array(grounds, dtype=np.float64).reshape(-1, 2)[self._zone_of_row]
        """What publishers say of the ground below each row, NaN where they do not."""
        self._says_terrain = bool(np.isfinite(self._terrain_m).any())

    def touching(self, volumes: Volumes, reference: VerticalReference, gone: Gone) -> Met:
        """Every zone that is still there and that a volume meets in plan, in altitude and in time."""
        volume, part = self._tree.query(volumes.outlines)
        row = self._layer_of_part[part]
        near = self._may_apply(row, volumes.start_s[volume], volumes.end_s[volume])
        if gone is not None:
            near &= ~gone[self._zone_of_row[row]]
        volume, part, row = volume[near], part[near], row[near]
        if not len(row):
            return _NOTHING
        ours, theirs = volumes.altitudes[volume], self._bands[row]
        local = self._local(part, ours, theirs, volumes.outlines, volume, reference)
        codes = overlap_codes(ours, theirs, reference, local.geoid_m, local.terrain_m)
        keep = np.flatnonzero(codes)
        keep = keep[self._meet(part[keep], volumes.outlines, volumes.centre_lines, volume[keep])]
        keep = keep[self._apply(row[keep], volumes.start_s[volume[keep]], volumes.end_s[volume[keep]])]
        # Several parts of one layer are one touch, as certain as the most certain; rows are in the order of zone and
        # layer.
        keep = keep[np.lexsort((-codes[keep], row[keep], volume[keep]))]
        first = changes(volume[keep], row[keep]).nonzero()[0]
        reach_m = _reach(ours[keep], theirs[keep], codes[keep], reference, local.at(keep))
        if len(first) < len(keep):
            least, greatest = (extreme.reduceat(reach_m, first, axis=0) for extreme in (np.minimum, np.maximum))
            reach_m = np.stack([least[:, 0], greatest[:, 1], least[:, 2], greatest[:, 3]], axis=1)
        keep = keep[first]
        row = row[keep]
        return Met(volume[keep], self._zone_of_row[row], self._layer_of_row[row], codes[keep], reach_m)

    def altitudes(self, zone: Indices, layer: Indices) -> AltitudeBands:
        """Those of layers, pair by pair."""
        return self._bands[self._first_row[zone] + layer]

    def at(
        self,
        outlines: NDArray[np.object_],
        band: AltitudeBand | None,
        window: tuple[float, float] | None,
        reference: VerticalReference,
        gone: Gone,
    ) -> Indices:
        """The indexes of the remaining zones that meet an outline (an array of one), in order."""
        _, part = self._tree.query(outlines)
        row = self._layer_of_part[part]
        if gone is not None:
            there = ~gone[self._zone_of_row[row]]
            part, row = part[there], row[there]
        if band is not None:
            zeros = np.zeros_like(part)
            bands = AltitudeBands.of([band])[zeros]
            own = self._bands[row]
            local = self._local(part, bands, own, outlines, zeros, reference)
            keep = np.flatnonzero(overlap_codes(bands, own, reference, local.geoid_m, local.terrain_m))
            part, row = part[keep], row[keep]
        if window is not None:
            start_s, end_s = (np.full(len(row), bound) for bound in window)
            apply = self._may_apply(row, start_s, end_s)
            apply[apply] = self._apply(row[apply], start_s[apply], end_s[apply])
            part, row = part[apply], row[apply]
        row = row[self._meet(part, outlines, column([None]), np.zeros_like(part))]
        found: Indices = np.unique(self._zone_of_row[row])
        return found

    def _local(
        self,
        part: Indices,
        bands: AltitudeBands,
        own: AltitudeBands,
        outlines: NDArray[np.object_],
        outline: Indices,
        reference: VerticalReference,
    ) -> _Local:
        """What is known of the geoid and of the ground that part and outline share, where it matters to their bands."""
        geoid = needs_geoid(bands, own)
        terrain = (reference.ground is not None or self._says_terrain) and needs_terrain(bands, own)
        if not geoid and not terrain:
            return _Local(None, None)
        ground = shared_ground(shapely.bounds(self._parts.polygons[part]), shapely.bounds(outlines)[outline])
        geoid_m = geoid_bounds_of(ground) if geoid else None
        if not terrain:
            return _Local(geoid_m, None)
        stated_m: Floats = self._terrain_m[self._layer_of_part[part]]
        if reference.ground is None:
            return _Local(geoid_m, stated_m)
        surveyed_m = reference.ground.bounds_of(ground)
        return _Local(geoid_m, np.where(np.isnan(surveyed_m), stated_m, surveyed_m))

    def _meet(self, part: Indices, outlines: NDArray[np.object_], lines: Floats, volume: Indices) -> NDArray[np.bool_]:
        """Whether parts and the volumes at those indexes meet horizontally, by outline and centre line, by pair."""
        return self._parts.meet(part, outlines, lines, volume)

    def _may_apply(self, row: Indices, start_s: Floats, end_s: Floats) -> NDArray[np.bool_]:
        """Whether the zones apply within the windows, pair by pair, as far as it is quickly said."""
        return self._times.may_apply(self._zone_of_row[row], start_s, end_s)

    def _apply(self, row: Indices, start_s: Floats, end_s: Floats) -> NDArray[np.bool_]:
        """The rest of it, where they may."""
        return self._times.applies(self._zone_of_row[row], start_s, end_s)


def _reach(
    ours: AltitudeBands, theirs: AltitudeBands, codes: NDArray[np.int8], reference: VerticalReference, local: _Local
) -> Floats:
    """`Met.reach_m` of each pair."""
    reach_m = np.full((len(codes), 4), np.nan)
    doubt = np.flatnonzero(codes == Overlap.UNCERTAIN.value)
    if len(doubt):
        local = local.at(doubt)
        for column, bands in ((0, ours), (2, theirs)):
            reach = amsl_reach(bands[doubt], reference, local.geoid_m, local.terrain_m)
            reach_m[doubt, column : column + 2] = reach
    return reach_m
