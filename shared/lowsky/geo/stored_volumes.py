"""Volumes as columns that grow, so that any two of them can be held against each other without copying, and as bytes.

Volumes conflict when they meet in plan, in altitude and in time (ASTM F3548-21). Touching is not meeting: interiors
must, and times and altitudes are half-open. Where altitudes cannot be compared exactly they are taken to meet, as
everywhere.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from lowsky.geo.altitude import AltitudeBands, VerticalReference, needs_geoid, needs_terrain, overlap_codes
from lowsky.geo.corridors import outlines
from lowsky.geo.geoid import geoid_bounds_of, shared_ground
from lowsky.geo.volumes import Volumes

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

PAIRS_AT_ONCE: Final = 1_000_000
"""Pairs of volumes that are compared in one pass: some 50 MB."""


_FEW: Final = 24
"""Volumes of a plan that are looked at before all the others: of most plans that is all there are."""

_CORNERS_FEW: Final = 100
"""Of an area: with more it is worth an index of them. Corridors have some 25."""

_ROUNDS: Final = 8
"""In which one pair of volumes of each pair of plans is looked at; then all the rest at once."""


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

    @classmethod
    def join(cls, parts: Sequence[Overlaps]) -> Overlaps:
        """One after the other."""
        none: Indices = np.zeros(0, dtype=np.intp)
        return cls(
            np.concatenate([none, *(part.ours for part in parts)]),
            np.concatenate([none, *(part.theirs for part in parts)]),
            np.concatenate([np.zeros(0, np.int8), *(part.codes for part in parts)]),
            np.concatenate([none, *(part.pair for part in parts)]),
        )


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
        parts = []
        for near in self._near(ours, theirs, reference):
            keep = np.flatnonzero(interiors_meet(self.outlines[near.ours], self.outlines[near.theirs]))
            parts.append(Overlaps(near.ours[keep], near.theirs[keep], near.codes[keep], near.pair[keep]))
        return parts[0] if len(parts) == 1 else Overlaps.join(parts)

    def meet(self, ours: list[Run], theirs: list[Run], reference: VerticalReference) -> NDArray[np.bool_]:
        """Whether any volume of the one plan meets any of the other, pair of plans by pair: the first settles it."""
        # What fills a city for a day meets everybody there by its first volumes: the others are not looked at.
        few = [Run(run.first, min(run.count, _FEW)) for run in ours]
        met = self._meet(few, theirs, reference)
        rest = [n for n, run in enumerate(ours) if run.count > _FEW and not met[n]]
        if rest:
            met[rest] = self._meet([ours[n] for n in rest], [theirs[n] for n in rest], reference)
        return met

    def _meet(self, ours: list[Run], theirs: list[Run], reference: VerticalReference) -> NDArray[np.bool_]:
        met = np.zeros(len(ours), dtype=np.bool_)
        for near in self._near(ours, theirs, reference):
            begins = np.flatnonzero(np.r_[True, np.diff(near.pair) != 0]) if len(near) else np.zeros(0, np.intp)
            at, ends = begins, np.r_[begins[1:], len(near)] if len(near) else begins
            for _ in range(_ROUNDS):
                if not len(at):
                    break
                hit = interiors_meet(self.outlines[near.ours[at]], self.outlines[near.theirs[at]])
                met[near.pair[at[hit]]] = True
                left = ~hit & (at + 1 < ends)
                at, ends = at[left] + 1, ends[left]
            rest = np.flatnonzero(np.isin(near.pair, near.pair[at]))
            hit = interiors_meet(self.outlines[near.ours[rest]], self.outlines[near.theirs[rest]])
            met[near.pair[rest[hit]]] = True
        return met

    def _near(self, ours: list[Run], theirs: list[Run], reference: VerticalReference) -> Iterator[Overlaps]:
        """Those that meet in time, in altitude and by their boxes, a portion of the pairs of plans at a time."""
        runs = np.array([[a.first, a.count, b.first, b.count] for a, b in zip(ours, theirs, strict=True)], np.intp)
        runs = runs.reshape(-1, 4)
        for pairs in _portions(runs):
            yield self._near_of(runs[pairs], pairs.start, reference)

    def _near_of(self, runs: Indices, first_pair: int, reference: VerticalReference) -> Overlaps:
        a_first, a_count, b_first, b_count = runs.T
        total = a_count * b_count
        pair = np.repeat(np.arange(len(runs)), total)
        nth = np.arange(len(pair)) - np.repeat(np.cumsum(total) - total, total)
        a, b = a_first[pair] + nth // b_count[pair], b_first[pair] + nth % b_count[pair]
        near = (self.start_s[a] < self.end_s[b]) & (self.start_s[b] < self.end_s[a])
        a, b, pair = a[near], b[near], pair[near]
        mine, others = self.boxes[a], self.boxes[b]
        near = ((mine[:, :2] < others[:, 2:]) & (others[:, :2] < mine[:, 2:])).all(axis=1)
        a, b, pair = a[near], b[near], pair[near]
        codes = self._altitudes(a, b, reference)
        keep = np.flatnonzero(codes)
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
    corners = shapely.get_num_coordinates(ours)
    large = np.flatnonzero(np.maximum(corners, shapely.get_num_coordinates(theirs)) > _CORNERS_FEW)
    if len(large):
        ours, theirs = _larger_prepared(ours, theirs, large)
    meet: NDArray[np.bool_] = shapely.intersects(ours, theirs)
    near = np.flatnonzero(meet)
    meet[near] = ~shapely.touches(ours[near], theirs[near])
    return meet


def _larger_prepared(
    ours: NDArray[np.object_], theirs: NDArray[np.object_], large: Indices
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """The same pairs, at some places the area of more corners first, prepared: one of thousands is compared with
    thousands. Copies, since threads that share a prepared area may build its index at once."""
    ours, theirs = ours.copy(), theirs.copy()
    swap = large[shapely.get_num_coordinates(theirs[large]) > shapely.get_num_coordinates(ours[large])]
    ours[swap], theirs[swap] = theirs[swap], ours[swap]
    copies: dict[int, int] = {}
    at = [copies.setdefault(id(area), len(copies)) for area in ours[large]]
    firsts = large[np.unique(at, return_index=True)[1]]
    prepared = shapely.from_wkb(shapely.to_wkb(ours[firsts]))
    shapely.prepare(prepared)
    ours[large] = prepared[at]
    return ours, theirs


def _portions(counts: Indices) -> list[slice]:
    """Slices of the pairs of plans, of not many more than PAIRS_AT_ONCE pairs of volumes each."""
    if not len(counts):
        return []
    through = np.cumsum(counts[:, 1] * counts[:, 3]) // PAIRS_AT_ONCE
    begins = [0, *(np.flatnonzero(np.diff(through)) + 1).tolist()]
    return [slice(begin, end) for begin, end in zip(begins, [*begins[1:], len(counts)], strict=True)]


_HEADER: Final = struct.Struct("<BI")
_OUTLINES: Final = 1
"""Columns, then the outlines themselves."""
_CORRIDORS: Final = 2
"""Columns, then the line that the outlines were drawn around: an eighth of the bytes. They are drawn again as before:
a change of `lowsky.geo.corridors` that draws them otherwise needs another form."""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """What corridors are drawn around: the waypoints, one more than the corridors, and the buffer in metres."""

    longitudes: Floats
    latitudes: Floats
    buffer_m: float


def to_bytes(volumes: Volumes, owners: int, lines: Mapping[int, Line]) -> list[bytes]:
    """The volumes of each owner, to be read again exactly as they are.

    Args:
        lines: Of those owners whose outlines are corridors, one for each leg.
    """
    bounds = np.searchsorted(volumes.owner, np.arange(owners + 1)).tolist()
    columns = [volumes.lower_m, volumes.upper_m, volumes.takeoff, volumes.start_s, volumes.end_s]
    numbers = np.stack(columns).astype("<f8")
    datums = np.stack([volumes.lower_datum, volumes.upper_datum]).astype("<i1")
    stored = []
    for owner, (first, last) in enumerate(itertools.pairwise(bounds)):
        line = lines.get(owner)
        stored.append(
            _HEADER.pack(_CORRIDORS if line else _OUTLINES, last - first)
            + numbers[:, first:last].tobytes()
            + datums[:, first:last].tobytes()
            + (_line_to_bytes(line) if line else _outlines_to_bytes(volumes.outlines[first:last]))
        )
    return stored


def _line_to_bytes(line: Line) -> bytes:
    return np.concatenate([line.longitudes, line.latitudes, [line.buffer_m]]).astype("<f8").tobytes()


def _outlines_to_bytes(outlines: NDArray[np.object_]) -> bytes:
    written = shapely.to_wkb(outlines)
    return b"".join([np.array([len(wkb) for wkb in written], dtype="<u4").tobytes(), *written])


def from_bytes(stored: Sequence[bytes]) -> list[Volumes]:
    """The volumes of each, as those of owner 0.

    Raises:
        ValueError: Not what to_bytes made.
    """
    try:
        parts = [_Part.of(each) for each in stored]
        lines = [part.line for part in parts if part.line is not None]
        drawn = iter(np.split(_drawn(lines), np.cumsum([len(line.longitudes) - 1 for line in lines])[:-1]))
        return [part.volumes(part.outlines if part.line is None else next(drawn)) for part in parts]
    except (struct.error, shapely.GEOSException) as fault:
        raise ValueError(f"stored volumes are not readable: {fault}") from None


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """What is stored of one plan."""

    numbers: Floats
    datums: NDArray[np.int8]
    outlines: NDArray[np.object_]
    line: Line | None

    @classmethod
    def of(cls, stored: bytes) -> _Part:
        form, count = _HEADER.unpack_from(stored)
        at = _HEADER.size
        numbers = np.frombuffer(stored, "<f8", 5 * count, at).reshape(5, count)
        datums = np.frombuffer(stored, "<i1", 2 * count, at + 40 * count).reshape(2, count)
        at += 42 * count
        none: NDArray[np.object_] = np.empty(0, dtype=np.object_)
        if form == _OUTLINES:
            return cls(numbers, datums, _outlines_from(stored, at, count), None)
        if form == _CORRIDORS:
            line = np.frombuffer(stored, "<f8", 2 * count + 3, at)
            return cls(numbers, datums, none, Line(line[: count + 1], line[count + 1 : -1], float(line[-1])))
        raise ValueError(f"form {form} of stored volumes is not known here")

    def volumes(self, outlines: NDArray[np.object_]) -> Volumes:
        lower_m, upper_m, takeoff, start_s, end_s = self.numbers
        lower_datum, upper_datum = self.datums
        owner, leg = np.zeros(len(outlines), dtype=np.intp), np.arange(len(outlines))
        return Volumes(outlines, lower_m, upper_m, lower_datum, upper_datum, takeoff, start_s, end_s, owner, leg)


def _outlines_from(stored: bytes, at: int, count: int) -> NDArray[np.object_]:
    lengths = np.frombuffer(stored, "<u4", count, at)
    ends = at + 4 * count + np.cumsum(lengths, dtype=np.int64)
    outlines = np.empty(count, dtype=np.object_)
    written = [stored[begin:end] for begin, end in zip((ends - lengths).tolist(), ends.tolist(), strict=True)]
    outlines[:] = shapely.from_wkb(np.array(written, np.object_))
    return outlines


def _drawn(lines: Sequence[Line]) -> NDArray[np.object_]:
    """The corridors of all lines, one line after the other."""
    if not lines:
        return np.empty(0, dtype=np.object_)
    longitudes, latitudes = ([getattr(line, name) for line in lines] for name in ("longitudes", "latitudes"))
    return outlines(
        np.concatenate([each[:-1] for each in longitudes]),
        np.concatenate([each[:-1] for each in latitudes]),
        np.concatenate([each[1:] for each in longitudes]),
        np.concatenate([each[1:] for each in latitudes]),
        np.repeat([line.buffer_m for line in lines], [len(each) - 1 for each in longitudes]),
    )
