"""Volumes as columns that grow, so that any two of them can be compared without copying.

Volumes conflict when they meet in plan, in altitude and in time (ASTM F3548-21). In plan, corridors and circles meet by
how far their centre lines are apart (`lowsky.geo.shapes.areas_meet`). Touching is not meeting: interiors must, and
times and altitudes are half-open. Where altitudes cannot be compared exactly they are taken to meet, as everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lowsky.geo.heights.altitude import (
    AltitudeBands,
    Datum,
    VerticalReference,
    needs_geoid,
    needs_terrain,
    overlap_codes,
)
from lowsky.geo.heights.geoid import geoid_bounds_of, shared_ground
from lowsky.geo.shapes.areas_meet import areas_meet
from lowsky.geo.shapes.centre_lines import on_plane
from lowsky.geo.shapes.grouped_arrays import changes, numbered
from lowsky.geo.volumes.volumes import Volumes

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

PAIRS_AT_ONCE: Final = 1_000_000
"""Pairs of volumes that are compared in one pass: some 100 MB."""


_FEW: Final = 24
"""Volumes of a plan that are compared before all the others: most plans have no more."""

_TAKEOFF: Final = Datum.TAKEOFF.code

_ROUNDS: Final = 8
"""In which one pair of volumes of each pair of plans is looked at; then all the rest at once."""


@dataclass(frozen=True, slots=True)
class Run:
    """The volumes of one plan: their first index, and their number."""

    first: int
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class Overlaps:
    """Pairs of volumes that overlap, by their indexes, in the order of the requested pairs of plans, `pair`.

    `codes` are those of `Overlap`.
    """

    ours: Indices
    theirs: Indices
    codes: NDArray[np.int8]
    pair: Indices

    def __len__(self) -> int:
        return len(self.ours)

    def at(self, index: Any) -> Overlaps:
        """Those at a numpy index."""
        return Overlaps(self.ours[index], self.theirs[index], self.codes[index], self.pair[index])

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
    """Volumes of many plans in columns of a fixed capacity. Stored volumes never change: threads may read meanwhile.

    Raises MemoryError when more is added than there is room for; `room` says how much there is.
    """

    __slots__ = ("_size", "boxes", "capacity", "centre_lines", "end_s", "heights", "outlines", "start_s")

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._size = 0
        self.outlines: NDArray[np.object_] = np.empty(capacity, dtype=np.object_)
        self.centre_lines: Floats = np.empty((capacity, 5))
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
        """Stores volumes in their order; returns the index of the first one."""
        if len(volumes) > self.room:
            raise MemoryError(f"{len(volumes)} volumes, and room for {self.room}")
        first = self._size
        at = slice(first, first + len(volumes))
        self.outlines[at] = volumes.outlines
        self.centre_lines[at], self.boxes[at] = volumes.centre_lines, volumes.boxes
        self.start_s[at], self.end_s[at] = volumes.start_s, volumes.end_s
        bands = volumes.altitudes.resolved()
        self.heights.lower_m[at], self.heights.upper_m[at] = bands.lower_m, bands.upper_m
        self.heights.lower_datum[at], self.heights.upper_datum[at] = bands.lower_datum, bands.upper_datum
        self._size += len(volumes)
        return first

    def overlaps(self, ours: list[Run], theirs: list[Run], reference: VerticalReference) -> Overlaps:
        """The pairs of volumes that overlap, for each pair of plans."""
        parts = []
        for near in self._near(ours, theirs, reference):
            keep = np.flatnonzero(self._areas_meet(near.ours, near.theirs))
            parts.append(near.at(keep))
        return parts[0] if len(parts) == 1 else Overlaps.join(parts)

    def meet(self, ours: list[Run], theirs: list[Run], reference: VerticalReference) -> NDArray[np.bool_]:
        """Whether any volumes of the two plans overlap, for each pair of plans; stops at the first overlap."""
        if not ours:
            return np.zeros(0, dtype=np.bool_)
        # A plan that fills a city for a day overlaps others with its first volumes: the remaining ones are skipped.
        few = [Run(run.first, min(run.count, _FEW)) for run in ours]
        met = self._meet(few, theirs, reference)
        rest = [n for n, run in enumerate(ours) if run.count > _FEW and not met[n]]
        if rest:
            met[rest] = self._meet([ours[n] for n in rest], [theirs[n] for n in rest], reference)
        return met

    def _meet(self, ours: list[Run], theirs: list[Run], reference: VerticalReference) -> NDArray[np.bool_]:
        met = np.zeros(len(ours), dtype=np.bool_)
        for near in self._near(ours, theirs, reference):
            if not len(near):
                continue
            # All at once where distances on a plane decide; the rest takes ten to a hundred times as long.
            within, doubtful = on_plane(self.centre_lines[near.ours], self.centre_lines[near.theirs])
            met[near.pair[within]] = True
            rest = np.isnan(self.centre_lines[near.ours, 4]) | np.isnan(self.centre_lines[near.theirs, 4])
            rest[doubtful] = True
            near = near.at(rest & ~met[near.pair])
            at = changes(near.pair).nonzero()[0]
            ends = np.concatenate([at[1:], [len(near)]])
            for _ in range(_ROUNDS):
                if not len(at):
                    break
                hit = self._areas_meet(near.ours[at], near.theirs[at])
                met[near.pair[at[hit]]] = True
                left = ~hit & (at + 1 < ends)
                at, ends = at[left] + 1, ends[left]
            if not len(at):
                continue
            unsettled = np.zeros(len(ours), dtype=np.bool_)
            unsettled[near.pair[at]] = True
            rest = unsettled[near.pair].nonzero()[0]
            hit = self._areas_meet(near.ours[rest], near.theirs[rest])
            met[near.pair[rest[hit]]] = True
        return met

    def near_counts(self, ours: list[Run], theirs: list[Run]) -> Indices:
        """How many pairs of volumes are to be compared, pair of plans by pair."""
        counts = [np.zeros(0, dtype=np.intp)]
        for runs, _ in _portions(ours, theirs):
            counts.append(self._pairs_of(runs).counts)
        return np.concatenate(counts)

    def _near(self, ours: list[Run], theirs: list[Run], reference: VerticalReference) -> Iterator[Overlaps]:
        """Those that meet in time, in altitude and by their boxes, a portion of the pairs of plans at a time."""
        for runs, first_pair in _portions(ours, theirs):
            a, b, pair = self._pairs_of(runs).expanded()
            near = (self.start_s[a] < self.end_s[b]) & (self.start_s[b] < self.end_s[a])
            a, b, pair = a[near], b[near], pair[near]
            mine, others = self.boxes[a], self.boxes[b]
            inside = (mine[:, :2] < others[:, 2:]) & (others[:, :2] < mine[:, 2:])
            near = np.logical_and(inside[:, 0], inside[:, 1])
            a, b, pair = a[near], b[near], pair[near]
            codes = self._altitudes(a, b, reference)
            keep = np.flatnonzero(codes)
            yield Overlaps(a[keep], b[keep], codes[keep], pair[keep] + first_pair)

    def _pairs_of(self, runs: Indices) -> _Pairs:
        """Volumes of each pair of plans that meet what is around the other plan: most volumes of a plan do not."""
        some = (runs[:, 1] > 0) & (runs[:, 3] > 0)
        if not some.all():
            return self._pairs_of(runs[some]).among(some)
        if not len(runs):
            none: Indices = np.zeros(0, dtype=np.intp)
            return _Pairs(none, none, none, none)
        a, pair_a = _expanded(runs[:, 0], runs[:, 1])
        b, pair_b = _expanded(runs[:, 2], runs[:, 3])
        around_a, around_b = self._around(a, runs[:, 1]), self._around(b, runs[:, 3])
        keep_a, keep_b = self._within(a, around_b, pair_a), self._within(b, around_a, pair_b)
        counts_a = np.bincount(pair_a[keep_a], minlength=len(runs))
        counts_b = np.bincount(pair_b[keep_b], minlength=len(runs))
        return _Pairs(a[keep_a], counts_a, b[keep_b], counts_b)

    def _around(self, at: Indices, counts: Indices) -> _Around:
        begins = np.cumsum(counts) - counts
        datums = np.stack([self.heights.lower_datum[at], self.heights.upper_datum[at]], axis=1)
        least = np.minimum.reduceat(datums.min(axis=1), begins)
        alike = np.logical_and(least == np.maximum.reduceat(datums.max(axis=1), begins), least != _TAKEOFF)
        return _Around(
            np.minimum.reduceat(self.start_s[at], begins),
            np.maximum.reduceat(self.end_s[at], begins),
            np.minimum.reduceat(self.boxes[at, :2], begins, axis=0),
            np.maximum.reduceat(self.boxes[at, 2:], begins, axis=0),
            np.minimum.reduceat(self.heights.lower_m[at], begins),
            np.maximum.reduceat(self.heights.upper_m[at], begins),
            np.where(alike, least, np.int8(-1)),
        )

    def _within(self, at: Indices, around: _Around, pair: Indices) -> NDArray[np.bool_]:
        """Whether volumes may meet what is around the other plan of their pair; of altitudes, where all are measured
        from the same."""
        boxes = self.boxes[at]
        meet: NDArray[np.bool_] = (self.start_s[at] < around.end_s[pair]) & (around.start_s[pair] < self.end_s[at])
        inside = (boxes[:, :2] < around.high[pair]) & (around.low[pair] < boxes[:, 2:])
        meet &= np.logical_and(inside[:, 0], inside[:, 1])
        datum = around.datum[pair]
        alike = (self.heights.lower_datum[at] == datum) & (self.heights.upper_datum[at] == datum)
        apart = (self.heights.lower_m[at] > around.upper_m[pair]) | (self.heights.upper_m[at] < around.lower_m[pair])
        found: NDArray[np.bool_] = meet & ~(alike & apart)
        return found

    def copy(self, run: Run, source: StoredVolumes) -> int:
        """Copies the volumes of a run from another store; returns the index of the first one."""
        if run.count > self.room:
            raise MemoryError(f"{run.count} volumes, and room for {self.room}")
        first = self._size
        at, of = slice(first, first + run.count), slice(run.first, run.first + run.count)
        self.outlines[at], self.boxes[at] = source.outlines[of], source.boxes[of]
        self.centre_lines[at] = source.centre_lines[of]
        self.start_s[at], self.end_s[at] = source.start_s[of], source.end_s[of]
        for name in ("lower_m", "upper_m", "lower_datum", "upper_datum"):
            getattr(self.heights, name)[at] = getattr(source.heights, name)[of]
        self._size += run.count
        return first

    def _areas_meet(self, a: Indices, b: Indices) -> NDArray[np.bool_]:
        return areas_meet(self.outlines[a], self.centre_lines[a], self.outlines[b], self.centre_lines[b])

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


@dataclass(frozen=True, slots=True, eq=False)
class _Around:
    """When, where and how high the volumes of each of some plans are altogether; datum -1 where they have several."""

    start_s: Floats
    end_s: Floats
    low: Floats
    high: Floats
    lower_m: Floats
    upper_m: Floats
    datum: NDArray[np.int8]


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """Volumes of pairs of plans, pair after pair: each volume of one plan with each volume of the other."""

    ours: Indices
    our_counts: Indices
    theirs: Indices
    their_counts: Indices

    @property
    def counts(self) -> Indices:
        return self.our_counts * self.their_counts

    def among(self, there: NDArray[np.bool_]) -> _Pairs:
        """The same, where there are more pairs of plans, without any."""
        counts = np.zeros((2, len(there)), dtype=np.intp)
        counts[:, there] = self.our_counts, self.their_counts
        return _Pairs(self.ours, counts[0], self.theirs, counts[1])

    def expanded(self) -> tuple[Indices, Indices, Indices]:
        """Indexes of both volumes, and of the pair of plans."""
        pair, nth = numbered(self.counts)
        begin_a, begin_b = (np.cumsum(counts) - counts for counts in (self.our_counts, self.their_counts))
        per_row = self.their_counts[pair]
        return self.ours[begin_a[pair] + nth // per_row], self.theirs[begin_b[pair] + nth % per_row], pair


def _expanded(firsts: Indices, counts: Indices) -> tuple[Indices, Indices]:
    """The numbers from each first on, so many, and which of them it is."""
    which, nth = numbered(counts)
    return firsts[which] + nth, which


def _portions(ours: list[Run], theirs: list[Run]) -> Iterator[tuple[Indices, int]]:
    """Runs of the pairs of plans, (n, 4), of not many more than PAIRS_AT_ONCE pairs of volumes at a time; and the place
    of the first pair."""
    runs = np.array([[a.first, a.count, b.first, b.count] for a, b in zip(ours, theirs, strict=True)], np.intp)
    if not len(runs):
        return
    through = np.cumsum(runs[:, 1] * runs[:, 3]) // PAIRS_AT_ONCE
    begins = [0, *(np.flatnonzero(np.diff(through)) + 1).tolist()]
    for begin, end in zip(begins, [*begins[1:], len(runs)], strict=True):
        yield runs[begin:end], begin
