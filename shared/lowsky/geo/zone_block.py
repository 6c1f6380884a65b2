"""Zones as arrays, a tree of their parts and prepared outlines: built once, never changed, shared by the indices that
are made of it.

The tree preselects by bounding boxes, altitude and time are decided on arrays, and what is left is decided exactly
against prepared outlines.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import STRtree

from lowsky.geo.altitude import (
    AltitudeBand,
    AltitudeBands,
    VerticalReference,
    amsl_reach,
    needs_geoid,
    needs_terrain,
    overlap_codes,
)
from lowsky.geo.geoid import geoid_bounds_of, shared_ground
from lowsky.geo.geozone import Geozone
from lowsky.geo.volumes import Volumes

Payload = TypeVar("Payload", covariant=True)

Indices = NDArray[np.intp]

Floats = NDArray[np.float64]

Gone = NDArray[np.bool_] | None
"""Which zones of a block are not there any more; None where all are."""

_VERTEX_PICKS = 4
"""Of a leg's corridor these lie at its four corners."""


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
    level that the volume and then the layer may have where they meet, from the bounds by which they were compared.
    """

    volume: Indices
    zone: Indices
    layer: Indices
    codes: NDArray[np.int8]
    reach_m: Floats


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
        "_first_s",
        "_last_s",
        "_layer_of_part",
        "_layer_of_row",
        "_limited",
        "_lock",
        "_parts",
        "_says_terrain",
        "_terrain_m",
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
        self._layer_of_row: Indices = np.arange(len(layers)) - np.repeat(np.cumsum(counts) - counts, counts)
        self._bands = AltitudeBands.of(layer.altitude for layer in layers)
        outlines = np.empty(len(layers), dtype=np.object_)
        outlines[:] = [layer.outline for layer in layers]
        parts, rows = shapely.get_parts(outlines, return_index=True)
        self._parts: NDArray[np.object_] = parts
        self._layer_of_part: Indices = rows.astype(np.intp)
        shapely.prepare(self._parts)
        self._tree = STRtree(self._parts)
        applicabilities = [zone.geozone.applicability for zone in self.zones]
        self._limited = np.array([not times.permanent for times in applicabilities], dtype=np.bool_)
        self._first_s = np.array(
            [min((p.start_s for p in times.periods), default=-np.inf) for times in applicabilities]
        )
        self._last_s = np.array([max((p.end_s for p in times.periods), default=np.inf) for times in applicabilities])
        grounds = [zone.geozone.terrain_m or (np.nan, np.nan) for zone in self.zones]
        self._terrain_m = np.array(grounds, dtype=np.float64).reshape(-1, 2)[self._zone_of_row]
        """What publishers say of the ground below each row, NaN where they do not."""
        self._says_terrain = bool(np.isfinite(self._terrain_m).any())
        # A prepared outline builds its own index when it is first asked, which two threads must not do at once.
        self._lock = threading.Lock()

    def touching(self, volumes: Volumes, reference: VerticalReference, gone: Gone) -> Met:
        """Every zone that is still there and that a volume meets in plan, in altitude and in time."""
        volume, part = self._tree.query(volumes.outlines)
        row = self._layer_of_part[part]
        near = self._may_apply(row, volumes.start_s[volume], volumes.end_s[volume])
        if gone is not None:
            near &= ~gone[self._zone_of_row[row]]
        volume, part, row = volume[near], part[near], row[near]
        local = self._local(part, volumes.altitudes[volume], volumes.outlines, volume, reference)
        codes = overlap_codes(volumes.altitudes[volume], self._bands[row], reference, local.geoid_m, local.terrain_m)
        keep = np.flatnonzero(codes)
        keep = keep[self._meet(part[keep], volumes.outlines, volume[keep])]
        keep = keep[self._apply(row[keep], volumes.start_s[volume[keep]], volumes.end_s[volume[keep]])]
        volume, row, codes, local = volume[keep], row[keep], codes[keep], local.at(keep)
        reach_m = np.concatenate(
            [
                amsl_reach(bands, reference, local.geoid_m, local.terrain_m)
                for bands in (volumes.altitudes[volume], self._bands[row])
            ],
            axis=1,
        )
        # Several parts of one layer are one touch, as certain as the most certain; rows are in the order of zone and
        # layer.
        order = np.lexsort((-codes, row, volume))
        _, first = np.unique(volume[order] * np.intp(len(self._layer_of_row)) + row[order], return_index=True)
        volume, row, codes = volume[order][first], row[order][first], codes[order][first]
        if len(first):
            least, greatest = (extreme.reduceat(reach_m[order], first, axis=0) for extreme in (np.minimum, np.maximum))
            reach_m = np.stack([least[:, 0], greatest[:, 1], least[:, 2], greatest[:, 3]], axis=1)
        return Met(volume, self._zone_of_row[row], self._layer_of_row[row], codes, reach_m)

    def at(
        self,
        outlines: NDArray[np.object_],
        band: AltitudeBand | None,
        window: tuple[float, float] | None,
        reference: VerticalReference,
        gone: Gone,
    ) -> Indices:
        """The places of the zones that are still there and meet an outline, an array of one, in order."""
        _, part = self._tree.query(outlines)
        row = self._layer_of_part[part]
        if gone is not None:
            there = ~gone[self._zone_of_row[row]]
            part, row = part[there], row[there]
        if band is not None:
            zeros = np.zeros_like(part)
            bands = AltitudeBands.of([band])[zeros]
            local = self._local(part, bands, outlines, zeros, reference)
            keep = np.flatnonzero(overlap_codes(bands, self._bands[row], reference, local.geoid_m, local.terrain_m))
            part, row = part[keep], row[keep]
        if window is not None:
            apply = self._apply(row, *(np.full(len(row), bound) for bound in window))
            part, row = part[apply], row[apply]
        row = row[self._meet(part, outlines, np.zeros_like(part))]
        found: Indices = np.unique(self._zone_of_row[row])
        return found

    def _local(
        self,
        part: Indices,
        bands: AltitudeBands,
        outlines: NDArray[np.object_],
        outline: Indices,
        reference: VerticalReference,
    ) -> _Local:
        """What is known of the geoid and of the ground that part and outline share, where it matters to their bands."""
        own = self._bands[self._layer_of_part[part]]
        geoid = needs_geoid(bands, own)
        terrain = (reference.ground is not None or self._says_terrain) and needs_terrain(bands, own)
        if not geoid and not terrain:
            return _Local(None, None)
        ground = shared_ground(shapely.bounds(self._parts[part]), shapely.bounds(outlines)[outline])
        geoid_m = geoid_bounds_of(ground) if geoid else None
        if not terrain:
            return _Local(geoid_m, None)
        stated_m: Floats = self._terrain_m[self._layer_of_part[part]]
        if reference.ground is None:
            return _Local(geoid_m, stated_m)
        surveyed_m = reference.ground.bounds_of(ground)
        return _Local(geoid_m, np.where(np.isnan(surveyed_m), stated_m, surveyed_m))

    def _meet(self, part: Indices, outlines: NDArray[np.object_], outline: Indices) -> NDArray[np.bool_]:
        """Whether the interiors of a part and of the outline at that place meet, pair by pair."""
        meet = np.zeros(len(part), dtype=np.bool_)
        open_pairs = np.arange(len(part))
        with self._lock:
            # A vertex of the one strictly inside the other settles most pairs, at a tenth of the cost of the full
            # answer.
            for vertices in _vertices(outlines):
                at = vertices[outline[open_pairs]]
                meet[open_pairs] = shapely.contains_xy(self._parts[part[open_pairs]], at[:, 0], at[:, 1])
                open_pairs = open_pairs[~meet[open_pairs]]
            parts, others = self._parts[part[open_pairs]], outlines[outline[open_pairs]]
            near = shapely.intersects(parts, others)
            open_pairs, parts, others = open_pairs[near], parts[near], others[near]
            meet[open_pairs] = ~shapely.touches(parts, others)
        return meet

    def _may_apply(self, row: Indices, start_s: NDArray[np.float64], end_s: NDArray[np.float64]) -> NDArray[np.bool_]:
        """False where the zone's periods are all over or all to come."""
        zone = self._zone_of_row[row]
        possible: NDArray[np.bool_] = (self._first_s[zone] < end_s) & (start_s < self._last_s[zone])
        return possible

    def _apply(self, row: Indices, start_s: NDArray[np.float64], end_s: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether the zones apply within the windows, pair by pair."""
        zone = self._zone_of_row[row]
        apply = np.ones(len(row), dtype=np.bool_)
        for pair in np.flatnonzero(self._limited[zone]):
            times = self.zones[zone[pair]].geozone.applicability
            apply[pair] = times.applies(float(start_s[pair]), float(end_s[pair]))
        return apply


def _vertices(outlines: NDArray[np.object_]) -> list[NDArray[np.float64]]:
    """A few vertices of each outline, spread around it: one array of shape (outlines, 2) for each pick."""
    if not len(outlines):
        return []
    coordinates = shapely.get_coordinates(outlines)
    counts = shapely.get_num_coordinates(outlines)
    firsts = np.cumsum(counts) - counts
    return [coordinates[firsts + counts * pick // _VERTEX_PICKS] for pick in range(_VERTEX_PICKS)]
