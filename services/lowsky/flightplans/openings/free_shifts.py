"""The shifts of a whole plan in time, or in height, with which it overlaps no nearby reservation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray

from lowsky.flightplans.openings.nearby_reservations import TooManyFlights
from lowsky.geo.heights.altitude import AltitudeBands, Datum, VerticalReference
from lowsky.geo.volumes.shifts import Gap, free_gaps, height_shifts, time_shifts
from lowsky.geo.volumes.stored_volumes import Overlaps, Run, StoredVolumes, bounds_there
from lowsky.geo.volumes.volumes import Volumes

Floats = NDArray[np.float64]
Columns: TypeAlias = Mapping[str, Callable[[int], NDArray[Any]]]

PAIRS_MAX: Final = 5_000_000
"""Pairs of volumes that are compared: half a second in a thread."""


def free_times(
    mine: Volumes, near: Sequence[Volumes], limits: Gap, reference: VerticalReference, taken: Sequence[Gap] = ()
) -> Sequence[Gap]:
    """The shifts in seconds, within limits, with which a plan overlaps no nearby reservation.

    Args:
        taken: The times when its aircraft is occupied, which the plan must not overlap.

    Raises:
        TooManyFlights: There are too many nearby volumes.
    """
    always: Columns = {"start_s": np.zeros, "end_s": np.ones}
    others = Volumes.join(near) if near else Volumes.of([])
    met, _ = _met(_with(mine, always), _with(others, always), reference)
    ours, theirs = met.ours, met.theirs - len(mine)
    forbidden = time_shifts(mine.start_s[ours], mine.end_s[ours], others.start_s[theirs], others.end_s[theirs])
    starts_s, ends_s = np.array(taken, np.float64).reshape(-1, 2).T
    whole = np.full(len(taken), mine.start_s.min()), np.full(len(taken), mine.end_s.max())
    return free_gaps(np.concatenate([forbidden, time_shifts(*whole, starts_s, ends_s)]), *limits)


def free_heights(mine: Volumes, near: Sequence[Volumes], limits: Gap, reference: VerticalReference) -> Sequence[Gap]:
    """The same for shifts in metres."""

    def infinite(count: int) -> Floats:
        return np.full(count, np.inf)

    def sea_level(count: int) -> NDArray[np.int8]:
        return np.full(count, Datum.AMSL.code, np.int8)

    anywhere: Columns = {
        "lower_m": lambda count: -infinite(count),
        "upper_m": infinite,
        "lower_datum": sea_level,
        "upper_datum": sea_level,
    }
    others = Volumes.join(near) if near else Volumes.of([])
    met, boxes = _met(_with(mine, anywhere), _with(others, anywhere), reference)
    a, b = mine.altitudes[met.ours].resolved(), others.altitudes[met.theirs - len(mine)].resolved()
    there = bounds_there(a, b, boxes[met.ours], boxes[met.theirs], reference)
    return free_gaps(height_shifts(a, b, reference, *there), *limits)


def clearance_m(volumes: Volumes, reference: VerticalReference) -> float:
    """The least height of a plan above ground; zero if it may touch the ground."""
    bands = volumes.altitudes.resolved()
    ground = np.full(len(bands), Datum.AGL.code, np.int8)
    level = AltitudeBands(np.zeros(len(bands)), np.zeros(len(bands)), ground, ground, np.full(len(bands), np.nan))
    boxes = shapely.bounds(volumes.outlines).reshape(-1, 4)
    least, _ = reference.differences(bands.lower_datum, ground, *bounds_there(bands, level, boxes, boxes, reference))
    return max(0.0, float((bands.lower_m + least).min()))


def _with(volumes: Volumes, columns: Columns) -> Volumes:
    return replace(volumes, **{name: make(len(volumes)) for name, make in columns.items()})


def _met(mine: Volumes, others: Volumes, reference: VerticalReference) -> tuple[Overlaps, Floats]:
    """The overlaps of mine with others, as indexes into mine followed by others; and the boxes of all."""
    if (pairs := len(mine) * len(others)) > PAIRS_MAX:
        raise TooManyFlights(f"{pairs} pairs of volumes would have to be compared, more than {PAIRS_MAX}")
    stored = StoredVolumes(len(mine) + len(others))
    ours, theirs = Run(stored.add(mine), len(mine)), Run(stored.add(others), len(others))
    return stored.overlaps([ours], [theirs], reference), stored.boxes
