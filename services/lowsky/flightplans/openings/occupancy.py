"""Occupancy of airspace: for each queried volume, layer by layer, the times when any flight reserves part of it.

Intervals are merged, so that single flights cannot be distinguished. An overlap is what would reject a plan, including
altitudes that cannot be compared: a layer that is reported as free is free for every plan.
"""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lowsky.db.database import Database
from lowsky.errors import Invalid, Overloaded
from lowsky.flightplans.openings.concurrency_limit import Turns
from lowsky.flightplans.openings.nearby_reservations import Near, TooManyFlights, nearby
from lowsky.flightplans.postgres.reservations import too_large
from lowsky.geo.heights.altitude import AltitudeBand, VerticalReference
from lowsky.geo.volumes.nodes import AREAS_MAX, Cover, cover_of
from lowsky.geo.volumes.stored_volumes import Run, StoredVolumes
from lowsky.geo.volumes.volumes import Volume4D, Volumes

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Interval = tuple[float, float]
"""Half-open, seconds since the epoch."""

ASKED_MAX: Final = 100
"""Volumes of one query: a city in tiles of a kilometre."""

WINDOW_S_MAX: Final = 86_400
"""A day: for plans further ahead the query can be repeated nearer the day."""

LAYER_HEIGHT_M: Final = 30.0
"""The default: three times the usual vertical buffer."""

LAYERS_MAX: Final = 64
"""Layers of one volume: the heights of low-altitude flight (U-space, 300 m) in layers of 5 m."""

NODES_MAX: Final = 8 * AREAS_MAX
"""Nodes of all volumes together: some 200 volumes of a city for a day."""

PAIRS_MAX: Final = 10_000_000
"""Pairs of layers and volumes that are compared: about a second in a thread."""

INTERVALS_MAX: Final = 50_000
"""Busy intervals in one response: some 3 MB."""

AT_ONCE: Final = 2
"""Concurrent queries of a worker: submissions take precedence on the same processors and database."""

WAIT_S_MAX: Final = 2.0
"""How long a query waits for its turn."""


@dataclass(frozen=True, slots=True)
class OccupiedLayer:
    """A layer of a volume, and when it is free and busy: both together cover its time window."""

    altitude: AltitudeBand
    free: tuple[Interval, ...]
    busy: tuple[Interval, ...]


class Occupancy:
    """Answers queries from the reservations at this moment; it reserves nothing itself."""

    def __init__(self, database: Database, reference: VerticalReference) -> None:
        self._database = database
        self._reference = reference
        self._turns = Turns(AT_ONCE)

    async def of(
        self, asked: Sequence[Volume4D], layer_height_m: float, priority: int, field: str
    ) -> Sequence[Sequence[OccupiedLayer]]:
        """The layers of each volume, from below.

        Args:
            priority: Flights of lower priority count as free.
            field: Path of the volumes in the request, for refusals.

        Raises:
            Invalid: Layers are unbounded or too many, the time window is too long, or too much is reserved there.
            Overloaded: Other queries take too long.
            Unavailable: The database cannot be reached.
        """
        bands = [layers(volume.altitude, layer_height_m, f"{field}[{n}].altitude") for n, volume in enumerate(asked)]

        async def compute() -> Sequence[Sequence[OccupiedLayer]]:
            nodes = await asyncio.to_thread(self._cover, asked, field)
            near = await nearby(self._database, nodes, priority)
            return await asyncio.to_thread(busy_layers, asked, bands, near, self._reference)

        try:
            return await self._turns.take(compute, WAIT_S_MAX)
        except TooManyFlights as crowded:
            message = f"{crowded}: query fewer or smaller volumes, a shorter time, or thicker layers"
            raise Invalid.field(field, message, "TOO_LARGE") from None
        except TimeoutError:
            raise Overloaded("this worker is busy with other airspace queries") from None

    def _cover(self, asked: Sequence[Volume4D], field: str) -> Cover:
        volumes = Volumes.of([[volume] for volume in asked])
        nodes = cover_of(volumes, self._reference)
        if nodes.too_large:
            raise too_large(f"{field}[{min(nodes.too_large)}]", "the volume is larger than")
        if len(nodes) > NODES_MAX:
            message = "the volumes are too large together: query fewer, or a shorter time"
            raise Invalid.field(field, message, "TOO_LARGE", limit=str(NODES_MAX))
        return nodes


def layers(band: AltitudeBand, height_m: float, field: str) -> Sequence[AltitudeBand]:
    """Cuts a band into layers from its floor upwards, in its own datum; the last layer ends at its ceiling.

    Raises:
        Invalid: The band is open, its limits differ in datum, or the layers are too many.
    """
    if not (math.isfinite(band.lower_m) and math.isfinite(band.upper_m)):
        raise Invalid.field(field, "layers need a floor and a ceiling; one of them is missing")
    if band.lower_datum is not band.upper_datum:
        raise Invalid.field(field, "layers need a floor and a ceiling of the same datum")
    wanted = (band.upper_m - band.lower_m) / height_m - 1e-9  # infinite where the layers are thin enough
    if wanted > LAYERS_MAX:
        message = f"{wanted:.0f} layers are more than {LAYERS_MAX}: query thicker layers, or a lower volume"
        raise Invalid.field(field, message, "TOO_LARGE", limit=str(LAYERS_MAX))
    count = max(1, math.ceil(wanted))
    edges = [*(band.lower_m + n * height_m for n in range(count)), band.upper_m]
    return [replace(band, lower_m=low, upper_m=high) for low, high in itertools.pairwise(edges)]


def busy_layers(
    asked: Sequence[Volume4D],
    bands: Sequence[Sequence[AltitudeBand]],
    near: Sequence[Near],
    reference: VerticalReference,
) -> Sequence[Sequence[OccupiedLayer]]:
    """The layers of each volume, given the nearby reservations.

    Raises:
        TooManyFlights: More pairs than the limit would have to be compared, or the response would be too long.
    """
    listed = [replace(volume, altitude=band) for volume, its in zip(asked, bands, strict=True) for band in its]
    busy: list[Sequence[Interval]] = [()] * len(listed)
    for layer, starts_s, ends_s in _met(listed, [len(its) for its in bands], near, reference):
        window = listed[layer]
        busy[layer] = merged(np.maximum(starts_s, window.start_s), np.minimum(ends_s, window.end_s))
    if (count := sum(map(len, busy))) > INTERVALS_MAX:
        raise TooManyFlights(f"there are {count} busy intervals, more than {INTERVALS_MAX}")
    made = iter(
        OccupiedLayer(volume.altitude, tuple(gaps(its, volume.start_s, volume.end_s)), tuple(its))
        for volume, its in zip(listed, busy, strict=True)
    )
    return [list(itertools.islice(made, len(its))) for its in bands]


def _met(
    listed: Sequence[Volume4D], counts: Sequence[int], near: Sequence[Near], reference: VerticalReference
) -> Iterator[tuple[int, Floats, Floats]]:
    """For each layer that overlaps anything: its index, and the starts and ends of what it overlaps."""
    plans = {held.plan: held.volumes for held in near}
    pairs = sum(counts[held.index] * len(held.volumes) for held in near)
    if pairs > PAIRS_MAX:
        raise TooManyFlights(f"{pairs} pairs of layers and volumes would have to be compared, more than {PAIRS_MAX}")
    asked = Volumes.of([listed])
    stored = StoredVolumes(len(listed) + sum(map(len, plans.values())))
    stored.add(asked)
    runs = {plan: Run(stored.add(volumes), len(volumes)) for plan, volumes in plans.items()}
    firsts = [0, *itertools.accumulate(counts)]
    ours = [Run(firsts[held.index], counts[held.index]) for held in near]
    found = stored.overlaps(ours, [runs[held.plan] for held in near], reference)
    order = np.argsort(found.ours, kind="stable")
    indexes, others = found.ours[order], found.theirs[order]
    begins = np.flatnonzero(np.r_[True, np.diff(indexes) != 0]) if len(indexes) else np.zeros(0, np.intp)
    for begin, end in itertools.pairwise([*begins.tolist(), len(indexes)]):
        at = others[begin:end]
        yield int(indexes[begin]), stored.start_s[at], stored.end_s[at]


def merged(starts_s: Floats, ends_s: Floats) -> Sequence[Interval]:
    """The union of half-open intervals, as the fewest intervals, in order; adjacent ones are merged."""
    order = np.argsort(starts_s)
    starts_s, ends_s = starts_s[order], np.maximum.accumulate(ends_s[order])
    begins = np.flatnonzero(np.r_[True, starts_s[1:] > ends_s[:-1]])
    lasts = np.r_[begins[1:] - 1, len(starts_s) - 1]
    return list(zip(starts_s[begins].tolist(), ends_s[lasts].tolist(), strict=True))


def gaps(busy: Iterable[Interval], start_s: float, end_s: float) -> Iterator[Interval]:
    """The parts of a window outside the intervals, which lie within it, in order."""
    for begin, end in busy:
        if start_s < begin:
            yield start_s, begin
        start_s = end
    if start_s < end_s:
        yield start_s, end_s
