"""The packed zones of a dataset's new version, in a temporary file: of each, however many, its name, its box and its
place are in memory."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lowsky.airspace.codec.zones import Box, PackedZone
from lowsky.airspace.spool import Spool
from lowsky.errors import Invalid

PACKED_BYTES_MAX = 1024 * 1024 * 1024
"""Of one version. The largest file, of rings of 60 points, packs to 250 MB; one of nothing but circles to more than ten
times its size."""

_READ_BYTES = 1024 * 1024
"""Of zones that are read at once."""


class PackedZones:
    """Zones that are appended, then read as often as wanted."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._places: dict[str, int] = {}
        self._bounds = array("d")
        self._starts = array("Q")
        self._texts = array("Q")
        """Where each zone begins, and its published text."""

    def append(self, zone: PackedZone) -> None:
        """Adds a zone.

        Raises:
            Invalid: TOO_LARGE, they are more than PACKED_BYTES_MAX.
            Overloaded: This worker holds too many already.
        """
        start = self._spool.size
        if start + len(zone.geozone) + len(zone.published_json) > PACKED_BYTES_MAX:
            message = f"the zones of the file take more than {PACKED_BYTES_MAX} bytes as they are stored"
            raise Invalid.field("chunk", message, "TOO_LARGE", limit=str(PACKED_BYTES_MAX))
        self._places[zone.name] = len(self._starts)
        self._bounds.extend((zone.box.west, zone.box.south, zone.box.east, zone.box.north))
        self._starts.append(start)
        self._texts.append(start + len(zone.geozone))
        self._spool.write(zone.geozone + zone.published_json)

    def __len__(self) -> int:
        return len(self._starts)

    def __contains__(self, name: object) -> bool:
        return name in self._places

    @property
    def names(self) -> list[str]:
        """In their order."""
        return list(self._places)

    @property
    def bounds(self) -> NDArray[np.float64]:
        """(n, 4): least longitude and latitude, greatest longitude and latitude, degrees."""
        return np.array(self._bounds, dtype=np.float64).reshape(-1, 4)

    def geozone(self, name: str) -> bytes:
        """lowsky.api.airspace.v1.Geozone of one of them."""
        place = self._places[name]
        return self._read(self._starts[place], self._texts[place])

    def __iter__(self) -> Iterator[PackedZone]:
        """All of them, in their order."""
        ends = [*self._starts[1:], self._spool.size]
        begin, block = 0, b""
        for place, name in enumerate(self._places):
            start, text, end = self._starts[place], self._texts[place], ends[place]
            if end > begin + len(block):
                begin, block = start, self._read(start, max(end, min(start + _READ_BYTES, self._spool.size)))
            box = Box(*self._bounds[4 * place : 4 * place + 4])
            yield PackedZone(name, box, block[start - begin : text - begin], block[text - begin : end - begin])

    def _read(self, start: int, end: int) -> bytes:
        self._spool.file.flush()
        return os.pread(self._spool.file.fileno(), end - start, start)
