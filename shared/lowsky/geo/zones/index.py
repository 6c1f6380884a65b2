"""All geozones of one revision, in memory, to be asked by a batch of volumes at once.

The index is immutable: a change of any zone makes a new one, which is swapped in atomically, and a decision records the
revision that it saw. A new one shares with the old what did not change: a large block, with the places of the zones
that went from it, and beside it a small block of those that came. So one restriction over 100 000 zones takes
milliseconds; when the small block has grown, all are put into one again (`merged`), in the background.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, overload

import numpy as np
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon

from lowsky.geo.heights.altitude import ANYWHERE, AltitudeBand, AltitudeBands, Overlap, VerticalReference
from lowsky.geo.shapes.antimeridian import cut
from lowsky.geo.volumes.volumes import Volumes
from lowsky.geo.zones.zone_block import Gone, IndexedZone, Indices, ZoneBlock

__all__ = ["SCATTERED_MIN", "IndexedZone", "Touches", "ZoneIndex"]

Payload = TypeVar("Payload", covariant=True)

SCATTERED_SHARE = 0.05
"""Of the large block: with so many zones that came to it or went from it, an index should be merged. A change costs a
small block of at most so many."""

SCATTERED_MIN = 100
"""Merging fewer changes never pays off."""


@dataclass(frozen=True, slots=True, eq=False)
class Touches:
    """Which volumes meet which layers of which zones: arrays of equal length, by volume, then zone, then layer.

    `volume` is the index into the given volumes (which hold owner and leg), `zone` that into `ZoneIndex.zones`,
    `layer` that into the zone's layers. `altitude` is `Overlap.CERTAIN.value` or `Overlap.UNCERTAIN.value`, as int8.
    `reach_m`, (n, 4), are the least and the greatest height above mean sea level that the volume, and then the layer,
    may have where they meet, from the bounds by which they were compared; NaN where it is certain that they meet.
    """

    volume: Indices
    zone: Indices
    layer: Indices
    altitude: NDArray[np.int8]
    reach_m: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.volume)

    @property
    def certain(self) -> NDArray[np.bool_]:
        """Where the altitudes overlap whatever terrain and geoid within their bounds."""
        certain: NDArray[np.bool_] = self.altitude == Overlap.CERTAIN.value
        return certain


class ZoneIndex(Generic[Payload]):
    """An immutable index of zones; `zones` keeps the order in which they were given.

    Threads may share one. A pickled index is rebuilt where it is loaded, because prepared geometry cannot be pickled.

    Raises:
        ValueError: when two zones have one name.
    """

    __slots__ = ("__weakref__", "_came", "_gone", "_large", "_went", "_zones", "revision")

    def __init__(self, zones: Iterable[IndexedZone[Payload]], revision: int) -> None:
        self._put(ZoneBlock(tuple(zones)), np.zeros(0, dtype=np.intp), None, revision)

    def _put(self, large: ZoneBlock[Payload], went: Indices, came: ZoneBlock[Payload] | None, revision: int) -> None:
        self._large, self._went, self._came = large, went, came
        self._gone: Gone = None
        if len(went):
            self._gone = np.zeros(len(large.zones), dtype=np.bool_)
            self._gone[went] = True
        self._zones = _Zones(large.zones, went, came.zones if came else ())
        self.revision = revision
        """Of the dataset as a whole: what decisions record."""

    def __reduce__(self) -> tuple[type[ZoneIndex[Payload]], tuple[Sequence[IndexedZone[Payload]], int]]:
        return type(self), (tuple(self.zones), self.revision)

    def __len__(self) -> int:
        return len(self._zones)

    @property
    def zones(self) -> Sequence[IndexedZone[Payload]]:
        """What `Touches.zone` counts."""
        return self._zones

    def get(self, name: str) -> IndexedZone[Payload] | None:
        """The zone of that resource name, None when there is none."""
        if self._came and (place := self._came.place.get(name)) is not None:
            return self._came.zones[place]
        place = self._large.place.get(name)
        if place is None or (self._gone is not None and self._gone[place]):
            return None
        return self._large.zones[place]

    def changed(
        self: ZoneIndex[Payload], added: Iterable[IndexedZone[Payload]], removed: Collection[str], revision: int
    ) -> ZoneIndex[Payload]:
        """The index after a change: as one built anew of the zones that stay, in their order, and then of those added.

        An added zone takes the place of the one that has its name; names of removed zones that are not there do
        nothing. It takes time by the size of the change and of earlier ones since the index was last merged.

        Raises:
            ValueError: when two added zones have one name.
        """
        new = tuple(added)
        names = {*removed, *(zone.name for zone in new)}
        came = [zone for zone in (self._came.zones if self._came else ()) if zone.name not in names]
        places = [place for name in names if (place := self._large.place.get(name)) is not None]
        went = np.union1d(self._went, np.array(places, dtype=np.intp))
        small = ZoneBlock((*came, *new))
        index = type(self).__new__(type(self))
        index._put(self._large, went, small if small.zones else None, revision)
        # Of a small block that is the larger one, one is made that holds all: so it is when a worker starts.
        return index if len(small.zones) + len(went) <= len(self._large.zones) else index.merged()

    @property
    def is_scattered(self) -> bool:
        """Whether so much has changed that the index should be merged: it answers all the same, but slower."""
        scattered = len(self._went) + (len(self._came.zones) if self._came else 0)
        return scattered > max(SCATTERED_MIN, SCATTERED_SHARE * len(self._large.zones))

    def merged(self) -> ZoneIndex[Payload]:
        """The same zones in one block. It takes some ten microseconds for each."""
        return type(self)(self.zones, self.revision)

    def touching(self, volumes: Volumes, reference: VerticalReference = ANYWHERE) -> Touches:
        """Every zone that a volume meets in plan, in altitude and in time.

        Sharing no more than an edge or a corner in plan is not meeting; an overlap too thin to be told from it is.
        Altitudes whose overlap depends on terrain or geoid count, as uncertain. The geoid is known within the bounds of
        the reference and of EGM96 where the two meet.
        """
        met = self._large.touching(volumes, reference, self._gone)
        zone = self._place(met.zone)
        if self._came is None:
            return Touches(met.volume, zone, met.layer, met.codes, met.reach_m)
        beside = self._came.touching(volumes, reference, None)
        volume = np.concatenate([met.volume, beside.volume])
        # Added zones follow the remaining ones, so that a stable sort keeps the order within each volume.
        order = np.argsort(volume, kind="stable")
        return Touches(
            volume[order],
            np.concatenate([zone, beside.zone + self._stayed])[order],
            np.concatenate([met.layer, beside.layer])[order],
            np.concatenate([met.codes, beside.codes])[order],
            np.concatenate([met.reach_m, beside.reach_m])[order],
        )

    def at(
        self,
        area: Polygon | MultiPolygon,
        band: AltitudeBand | None = None,
        window: tuple[float, float] | None = None,
        reference: VerticalReference = ANYWHERE,
    ) -> list[IndexedZone[Payload]]:
        """The zones that meet an area, in index order; with a band and a window [start_s, end_s) those that meet
        these too.

        Raises:
            ValueError: when the area goes around a pole, or the window ends before it starts.
        """
        if window is not None and not window[0] <= window[1]:
            raise ValueError(f"not a window: {window[0]} to {window[1]}")
        outlines = np.array([cut(area)], dtype=np.object_)
        found = [self._large.zones[zone] for zone in self._large.at(outlines, band, window, reference, self._gone)]
        if self._came is not None:
            found += [self._came.zones[zone] for zone in self._came.at(outlines, band, window, reference, None)]
        return found

    def altitudes(self, zone: Indices, layer: Indices) -> AltitudeBands:
        """The altitude bands of layers of zones, pair by pair, by their indexes as in `Touches`."""
        if self._came is None:
            return self._large.altitudes(self._zones.in_large(zone), layer)
        came = zone >= self._stayed
        bands = AltitudeBands.join(
            [
                self._large.altitudes(self._zones.in_large(zone[~came]), layer[~came]),
                self._came.altitudes(zone[came] - self._stayed, layer[came]),
            ]
        )
        return bands[np.argsort(np.argsort(came, kind="stable"))]

    @property
    def _stayed(self) -> int:
        return len(self._large.zones) - len(self._went)

    def _place(self, zone: Indices) -> Indices:
        """Converts indexes of remaining zones of the large block to indexes in `zones`."""
        return zone - np.searchsorted(self._went, zone) if len(self._went) else zone


class _Zones(Sequence[IndexedZone[Payload]]):
    """The remaining zones of the large block, then the added ones; nothing is copied."""

    __slots__ = ("_before", "_came", "_large", "_stayed", "_went")

    def __init__(
        self, large: Sequence[IndexedZone[Payload]], went: Indices, came: Sequence[IndexedZone[Payload]]
    ) -> None:
        self._large, self._went, self._came = large, went, came
        self._stayed = len(large) - len(went)
        # Of each zone that went: how many before it stayed.
        self._before: Indices = went - np.arange(len(went))

    def in_large(self, place: Indices) -> Indices:
        """Converts indexes of remaining zones to indexes in the large block."""
        return place + np.searchsorted(self._before, place, side="right") if len(self._went) else place

    def __len__(self) -> int:
        return self._stayed + len(self._came)

    @overload
    def __getitem__(self, index: int) -> IndexedZone[Payload]: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[IndexedZone[Payload]]: ...

    def __getitem__(self, index: int | slice) -> IndexedZone[Payload] | Sequence[IndexedZone[Payload]]:
        if isinstance(index, slice):
            return tuple(self[place] for place in range(*index.indices(len(self))))
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(f"{index} of {len(self)} zones")
        if place >= self._stayed:
            return self._came[place - self._stayed]
        return self._large[place + bisect_right(self._before, place)]

    def __iter__(self) -> Iterator[IndexedZone[Payload]]:
        begin = 0
        for gone in self._went.tolist():
            yield from self._large[begin:gone]
            begin = gone + 1
        yield from self._large[begin:]
        yield from self._came
