"""The zones of a dataset's version as one value: what is kept of it for a rollback."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence

import shapely

from lowsky.airspace.codec.zones import Box, PackedZone
from lowsky.api.events.v1 import events_pb2

_LEVEL = 1
"""Zone files shrink to a fifth at the fastest level; slower ones gain a tenth more."""

_SIZE = struct.Struct(">I")


def contents_of(zones: Sequence[PackedZone]) -> bytes:
    """The zones with their published texts: their events, each after its size in four bytes, compressed."""
    compressor = zlib.compressobj(_LEVEL)
    pieces = [compressor.compress(_SIZE.pack(len(zone.event)) + zone.event) for zone in zones]
    return b"".join([*pieces, compressor.flush()])


def zones_in(contents: bytes) -> list[PackedZone]:
    """The zones as they were packed."""
    return [_zone(event) for event in _events(zlib.decompress(contents))]


def _events(data: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(data):
        (size,) = _SIZE.unpack_from(data, start)
        start += _SIZE.size
        yield data[start : start + size]
        start += size


def _zone(event: bytes) -> PackedZone:
    geozone = events_pb2.GeozoneEvent.FromString(event).geozone
    published_json = geozone.published_json.encode()
    geozone.ClearField("published_json")
    outlines = shapely.from_wkb([layer.outline_wkb for layer in geozone.layers])
    west, south, east, north = shapely.total_bounds(outlines).tolist()
    return PackedZone(geozone.name, Box(west, south, east, north), geozone.SerializeToString(), event, published_json)
