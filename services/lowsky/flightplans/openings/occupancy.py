"""How full airspace is: of each asked volume, layer by layer, when any flight holds any of it.

Intervals are merged, so that nothing tells one flight from another. What counts as an overlap is what would reject a
plan, altitudes that cannot be compared included: a layer that is said to be free is free for all.
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
from lowsky.flightplans.openings.nearby import Near, TooManyFlights, nearby
from lowsky.flightplans.openings.turns import Turns
from lowsky.flightplans.postgres.reservations import too_large
from lowsky.geo.heights.altitude import AltitudeBand, VerticalReference
from lowsky.geo.volumes.nodes import AREAS_MAX, Cover, cover_of
from lowsky.geo.volumes.stored import Run, StoredVolumes
from lowsky.geo.volumes.volumes import Volume4D, Volumes

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Interval = tuple[float, float]
"""Half-open, seconds since the epoch."""

ASKED_MAX: Final = 100
"""Volumes of one question: a city in tiles of a kilometre."""

WINDOW_S_MAX: Final = 86_400
"""A day: whoever plans further ahead asks again nearer the day."""

LAYER_HEIGHT_M: Final = 30.0
"""Where nothing is said: three times the usual vertical buffer."""

LAYERS_MAX: Final = 64
"""Of one volume: all that low flight uses (U-space, 300 m) in layers of 5 m."""

NODES_MAX: Final = 8 * AREAS_MAX
"""Of all volumes together: some 200 volumes of a city for a day."""

PAIRS_MAX: Final = 10_000_000
"""Layers and volumes that are compared: about a second in a thread."""

INTERVALS_MAX: Final = 50_000
"""In one answer: some 3 MB."""

AT_ONCE: Final = 2
"""Questions that a worker answers at a time: submissions go first, on the same processors and database."""

WAIT_S_MAX: Final = 2.0
"""How long a question waits for others."""


@dataclass(frozen=True, slots=True)
class OccupiedLayer:
    """A layer of a volume, and when it is free and busy: together, in order, its window of time."""

    altitude: AltitudeBand
    free: tuple[Interval, ...]
    busy: tuple[Interval, ...]


class Occupancy:
    """Answers from what is held at this moment; holds nothing itself."""

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
            Invalid: Layers that are not bounded or too many, a window too long, or more held there than is looked at.
            Overloaded: Others are asking.
            Unavailable: The database is away.
        """
        bands = [layers(volume.altitude, layer_height_m, f"{field}[{n}].altitude") for n, volume in enumerate(asked)]

        async def look() -> Sequence[Sequence[OccupiedLayer]]:
            nodes = await asyncio.to_thread(self._cover, asked, field)
            near = await nearby(self._database, nodes, priority)
            return await asyncio.to_thread(busy_layers, asked, bands, near, self._reference)

        try:
            return await self._turns.take(look, WAIT_S_MAX)
        except TooManyFlights as crowded:
            message = f"{crowded}: ask for fewer or smaller volumes, a shorter time, or thicker layers"
            raise Invalid.field(field, message, "TOO_LARGE") from None
        except TimeoutError:
            raise Overloaded("others are asking how full the airspace is") from None

    def _cover(self, asked: Sequence[Volume4D], field: str) -> Cover:
        volumes = Volumes.of([[volume] for volume in asked])
        nodes = cover_of(volumes, self._reference)
        if nodes.too_large:
            raise too_large(f"{field}[{min(nodes.too_large)}]", "the volume is larger than")
        if len(nodes) > NODES_MAX:
            message = "the volumes are too large together: ask for fewer, or for a shorter time"
            raise Invalid.field(field, message, "TOO_LARGE", limit=str(NODES_MAX))
        return nodes


def layers(band: AltitudeBand, height_m: float, field: str) -> Sequence[AltitudeBand]:
    """A band cut from its floor upwards, in its own datum; the last layer ends with it.

    Raises:
        Invalid: The band is open, its limits differ in datum, or the layers are too many.
    """
    if not (math.isfinite(band.lower_m) and math.isfinite(band.upper_m)):
        raise Invalid.field(field, "layers need a floor and a ceiling; one of them is open")
    if band.lower_datum is not band.upper_datum:
        raise Invalid.field(field, "layers need a floor and a ceiling of the same datum")
    wanted = (band.upper_m - band.lower_m) / height_m - 1e-9  # infinite where the layers are thin enough
    if wanted > LAYERS_MAX:
        message = f"{wanted:.0f} layers are more than {LAYERS_MAX}: ask for thicker ones, or for less height"
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
    """The layers of each volume, when what is near is all that is held.

    Raises:
        TooManyFlights: More pairs would have to be compared than is done for anybody, or the answer is too long.
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
    """Of each layer that meets anything: its place, and starts and ends of what it meets."""
    plans = {held.plan: held.volumes for held in near}
    pairs = sum(counts[held.place] * len(held.volumes) for held in near)
    if pairs > PAIRS_MAX:
        raise TooManyFlights(f"{pairs} pairs of layers and volumes would have to be compared, more than {PAIRS_MAX}")
    asked = Volumes.of([listed])
    stored = StoredVolumes(len(listed) + sum(map(len, plans.values())))
    stored.add(asked)
    runs = {plan: Run(stored.add(volumes), len(volumes)) for plan, volumes in plans.items()}
    firsts = [0, *itertools.accumulate(counts)]
    ours = [Run(firsts[held.place], counts[held.place]) for held in near]
    found = stored.overlaps(ours, [runs[held.plan] for held in near], reference)
    order = np.argsort(found.ours, kind="stable")
    places, others = found.ours[order], found.theirs[order]
    begins = np.flatnonzero(np.r_[True, np.diff(places) != 0]) if len(places) else np.zeros(0, np.intp)
    for begin, end in itertools.pairwise([*begins.tolist(), len(places)]):
        at = others[begin:end]
        yield int(places[begin]), stored.start_s[at], stored.end_s[at]


def merged(starts_s: Floats, ends_s: Floats) -> Sequence[Interval]:
    """Half-open intervals as the fewest that cover the same, in order; those that touch are one."""
    order = np.argsort(starts_s)
    starts_s, ends_s = starts_s[order], np.maximum.accumulate(ends_s[order])
    begins = np.flatnonzero(np.r_[True, starts_s[1:] > ends_s[:-1]])
    lasts = np.r_[begins[1:] - 1, len(starts_s) - 1]
    return list(zip(starts_s[begins].tolist(), ends_s[lasts].tolist(), strict=True))


def gaps(busy: Iterable[Interval], start_s: float, end_s: float) -> Iterator[Interval]:
    """What is left of a window; the intervals lie in it, in order."""
    for begin, end in busy:
        if start_s < begin:
            yield start_s, begin
        start_s = end
    if start_s < end_s:
        yield start_s, end_s
