"""The packed zones of a dataset's new version, in a temporary file. Only the name, box and file offset of each zone are
in memory."""

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
"""Limit for one version. The largest file, with rings of 60 points, packs to 250 MB; a file of circles alone packs to
more than ten times its size."""

_READ_BYTES = 1024 * 1024
"""Size of the blocks in which zones are read."""


class PackedZones:
    """Zones that are appended once and can be read repeatedly."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._indexes: dict[str, int] = {}
        self._bounds = array("d")
        self._starts = array("Q")
        self._texts = array("Q")
        """File offsets of each zone and of its published text."""

    def append(self, zone: PackedZone) -> None:
        """Adds a zone.

        Raises:
            Invalid: TOO_LARGE, the zones together exceed PACKED_BYTES_MAX.
            Overloaded: This worker holds too many already.
        """
        start = self._spool.size
        if start + len(zone.geozone) + len(zone.published_json) > PACKED_BYTES_MAX:
            message = f"the zones of the file take more than {PACKED_BYTES_MAX} bytes as they are stored"
            raise Invalid.field("chunk", message, "TOO_LARGE", limit=str(PACKED_BYTES_MAX))
        self._indexes[zone.name] = len(self._starts)
        self._bounds.extend((zone.box.west, zone.box.south, zone.box.east, zone.box.north))
        self._starts.append(start)
        self._texts.append(start + len(zone.geozone))
        self._spool.write(zone.geozone + zone.published_json)

    def __len__(self) -> int:
        return len(self._starts)

    def __contains__(self, name: object) -> bool:
        return name in self._indexes

    @property
    def names(self) -> list[str]:
        """In the order in which they were appended."""
        return list(self._indexes)

    @property
    def bounds(self) -> NDArray[np.float64]:
        """(n, 4): least longitude and latitude, greatest longitude and latitude, degrees."""
        return np.array(self._bounds, dtype=np.float64).reshape(-1, 4)

    def geozone(self, name: str) -> bytes:
        """The zone of this name, as lowsky.api.airspace.v1.Geozone."""
        index = self._indexes[name]
        return self._read(self._starts[index], self._texts[index])

    def __iter__(self) -> Iterator[PackedZone]:
        """All zones, in the order in which they were appended."""
        ends = [*self._starts[1:], self._spool.size]
        begin, block = 0, b""
        for index, name in enumerate(self._indexes):
            start, text, end = self._starts[index], self._texts[index], ends[index]
            if end > begin + len(block):
                begin, block = start, self._read(start, max(end, min(start + _READ_BYTES, self._spool.size)))
            box = Box(*self._bounds[4 * index : 4 * index + 4])
            yield PackedZone(name, box, block[start - begin : text - begin], block[text - begin : end - begin])

    def _read(self, start: int, end: int) -> bytes:
        self._spool.file.flush()
        return os.pread(self._spool.file.fileno(), end - start, start)
