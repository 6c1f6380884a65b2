"""Volumes as columns that grow, so that any two of them can be held against each other without copying, and as bytes.

Volumes conflict when they meet in plan, in altitude and in time (ASTM F3548-21). Touching is not meeting: interiors
must, and times and altitudes are half-open. Where altitudes cannot be compared exactly they are taken to meet, as
everywhere.
"""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from lowsky.geo.altitude import AltitudeBands, VerticalReference, needs_geoid, needs_terrain, overlap_codes
from lowsky.geo.geoid import geoid_bounds_of, shared_ground
from lowsky.geo.volumes import Volumes

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

PAIRS_AT_ONCE: Final = 1_000_000
"""Pairs of volumes that are compared in one pass: some 50 MB."""


@dataclass(frozen=True, slots=True)
class Run:
    """Where the volumes of one plan are: from `first` on, so many."""

    first: int
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class Overlaps:
    """Pairs of volumes that meet, by their places, in the order of the pairs of plans that were asked for, `pair`.

    `codes` are those of `Overlap`.
    """

    ours: Indices
    theirs: Indices
    codes: NDArray[np.int8]
    pair: Indices

    def __len__(self) -> int:
        return len(self.ours)


class StoredVolumes:
    """Volumes of many plans in columns of a fixed capacity. What is stored stays as it is: threads may read meanwhile.

    Raises MemoryError when more is added than there is room for; `room` says how much there is.
    """

    __slots__ = ("_size", "boxes", "capacity", "end_s", "heights", "outlines", "start_s")

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._size = 0
        self.outlines: NDArray[np.object_] = np.empty(capacity, dtype=np.object_)
        self.boxes: Floats = np.empty((capacity, 4))
        self.start_s: Floats = np.empty(capacity)
        self.end_s: Floats = np.empty(capacity)
        self.heights = AltitudeBands(
            np.empty(capacity),
            np.empty(capacity),
            np.empty(capacity, dtype=np.int8),
            np.empty(capacity, dtype=np.int8),
            np.full(capacity, np.nan),
        )

    @property
    def room(self) -> int:
        """How many more volumes there is room for."""
        return self.capacity - self._size

    def add(self, volumes: Volumes) -> int:
        """Stores volumes in their order; gives the place of the first one."""
        if len(volumes) > self.room:
            raise MemoryError(f"{len(volumes)} volumes, and room for {self.room}")
        first = self._size
        at = slice(first, first + len(volumes))
        self.outlines[at] = volumes.outlines
        self.boxes[at] = shapely.bounds(volumes.outlines).reshape(-1, 4)
        self.start_s[at], self.end_s[at] = volumes.start_s, volumes.end_s
        bands = volumes.altitudes.resolved()
        self.heights.lower_m[at], self.heights.upper_m[at] = bands.lower_m, bands.upper_m
        self.heights.lower_datum[at], self.heights.upper_datum[at] = bands.lower_datum, bands.upper_datum
        self._size += len(volumes)
        return first

    def overlaps(self, ours: list[Run], theirs: list[Run], reference: VerticalReference) -> Overlaps:
        """Which volumes of the one plan meet which of the other, pair of plans by pair."""
        counts = np.array([[a.first, a.count, b.first, b.count] for a, b in zip(ours, theirs, strict=True)], np.intp)
        found = []
        for pairs in _portions(counts.reshape(-1, 4)):
            found.append(self._overlaps(counts[pairs], pairs.start, reference))
        if len(found) == 1:
            return found[0]
        empty: Indices = np.zeros(0, dtype=np.intp)
        return Overlaps(
            np.concatenate([empty, *(part.ours for part in found)]),
            np.concatenate([empty, *(part.theirs for part in found)]),
            np.concatenate([np.zeros(0, np.int8), *(part.codes for part in found)]),
            np.concatenate([empty, *(part.pair for part in found)]),
        )

    def _overlaps(self, counts: Indices, first_pair: int, reference: VerticalReference) -> Overlaps:
        a_first, a_count, b_first, b_count = counts.T
        total = a_count * b_count
        pair = np.repeat(np.arange(len(counts)), total)
        nth = np.arange(len(pair)) - np.repeat(np.cumsum(total) - total, total)
        a, b = a_first[pair] + nth // b_count[pair], b_first[pair] + nth % b_count[pair]
        near = (self.start_s[a] < self.end_s[b]) & (self.start_s[b] < self.end_s[a])
        a, b, pair = a[near], b[near], pair[near]
        mine, others = self.boxes[a], self.boxes[b]
        near = ((mine[:, :2] < others[:, 2:]) & (others[:, :2] < mine[:, 2:])).all(axis=1)
        a, b, pair = a[near], b[near], pair[near]
        codes = self._altitudes(a, b, reference)
        keep = np.flatnonzero(codes)
        keep = keep[interiors_meet(self.outlines[a[keep]], self.outlines[b[keep]])]
        return Overlaps(a[keep], b[keep], codes[keep], pair[keep] + first_pair)

    def copy(self, run: Run, source: StoredVolumes) -> int:
        """Stores the volumes of a run of another; gives the place of the first one."""
        if run.count > self.room:
            raise MemoryError(f"{run.count} volumes, and room for {self.room}")
        first = self._size
        at, of = slice(first, first + run.count), slice(run.first, run.first + run.count)
        self.outlines[at], self.boxes[at] = source.outlines[of], source.boxes[of]
        self.start_s[at], self.end_s[at] = source.start_s[of], source.end_s[of]
        for name in ("lower_m", "upper_m", "lower_datum", "upper_datum"):
            getattr(self.heights, name)[at] = getattr(source.heights, name)[of]
        self._size += run.count
        return first

    def _altitudes(self, a: Indices, b: Indices, reference: VerticalReference) -> NDArray[np.int8]:
        ours, theirs = self.heights[a], self.heights[b]
        return overlap_codes(
            ours, theirs, reference, *bounds_there(ours, theirs, self.boxes[a], self.boxes[b], reference)
        )


def bounds_there(
    ours: AltitudeBands, theirs: AltitudeBands, boxes: Floats, others: Floats, reference: VerticalReference
) -> tuple[Floats | None, Floats | None]:
    """Bounds on undulation and ground where pairs of volumes meet, (n, 2) each; None where they do not matter."""
    geoid_m = terrain_m = None
    geoid = needs_geoid(ours, theirs)
    terrain = reference.ground is not None and needs_terrain(ours, theirs)
    if geoid or terrain:
        ground = shared_ground(boxes, others)
        geoid_m = geoid_bounds_of(ground) if geoid else None
        terrain_m = reference.ground.bounds_of(ground) if terrain and reference.ground is not None else None
    return geoid_m, terrain_m


def interiors_meet(ours: NDArray[np.object_], theirs: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Whether the interiors of valid areas meet, pair by pair."""
    meet: NDArray[np.bool_] = shapely.intersects(ours, theirs)
    near = np.flatnonzero(meet)
    meet[near] = ~shapely.touches(ours[near], theirs[near])
    return meet


def _portions(counts: Indices) -> list[slice]:
    """Slices of the pairs of plans, of not many more than PAIRS_AT_ONCE pairs of volumes each."""
    if not len(counts):
        return []
    through = np.cumsum(counts[:, 1] * counts[:, 3]) // PAIRS_AT_ONCE
    begins = [0, *(np.flatnonzero(np.diff(through)) + 1).tolist()]
    return [slice(begin, end) for begin, end in zip(begins, [*begins[1:], len(counts)], strict=True)]


_HEADER: Final = struct.Struct("<BI")
_FORM: Final = 1


def to_bytes(volumes: Volumes, owners: int) -> list[bytes]:
    """The volumes of each owner, to be read again exactly as they are."""
    outlines = shapely.to_wkb(volumes.outlines)
    lengths = np.array([len(outline) for outline in outlines], dtype="<u4")
    numbers = np.stack([volumes.lower_m, volumes.upper_m, volumes.takeoff, volumes.start_s, volumes.end_s]).astype(
        "<f8"
    )
    datums = np.stack([volumes.lower_datum, volumes.upper_datum]).astype("<i1")
    bounds = np.searchsorted(volumes.owner, np.arange(owners + 1)).tolist()
    return [
        b"".join(
            [
                _HEADER.pack(_FORM, last - first),
                lengths[first:last].tobytes(),
                numbers[:, first:last].tobytes(),
                datums[:, first:last].tobytes(),
                *outlines[first:last],
            ]
        )
        for first, last in itertools.pairwise(bounds)
    ]


def from_bytes(stored: bytes) -> Volumes:
    """The volumes, as those of owner 0.

    Raises:
        ValueError: Not what to_bytes made.
    """
    try:
        form, count = _HEADER.unpack_from(stored)
        if form != _FORM:
            raise ValueError(f"form {form} of stored volumes is not known here")
        at = _HEADER.size
        lengths = np.frombuffer(stored, "<u4", count, at)
        numbers = np.frombuffer(stored, "<f8", 5 * count, at + 4 * count).reshape(5, count)
        datums = np.frombuffer(stored, "<i1", 2 * count, at + 44 * count).reshape(2, count)
        ends = at + 46 * count + np.cumsum(lengths, dtype=np.int64)
        begins = ends - lengths
        outlines = np.empty(count, dtype=np.object_)
        outlines[:] = shapely.from_wkb(
            np.array([stored[begin:end] for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)], np.object_)
        )
    except (struct.error, shapely.GEOSException) as fault:
        raise ValueError(f"stored volumes are not readable: {fault}") from None
    lower_m, upper_m, takeoff, start_s, end_s = numbers
    lower_datum, upper_datum = datums
    owner, leg = np.zeros(count, dtype=np.intp), np.arange(count)
    return Volumes(outlines, lower_m, upper_m, lower_datum, upper_datum, takeoff, start_s, end_s, owner, leg)
