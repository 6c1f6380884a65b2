"""The zones of a dataset's version as one value: what is kept of it for a rollback."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator

import shapely

from lowsky.airspace.codec.zones import Box, PackedZone
from lowsky.api.events.v1 import events_pb2

_LEVEL = 1
"""Zone files shrink to a fifth at the fastest level; slower ones gain a tenth more."""

_STEP_BYTES = 1024 * 1024
"""Unpacked at once."""

_SIZE = struct.Struct(">I")


def contents_of(zones: Iterable[PackedZone]) -> Iterator[bytes]:
    """The zones with their published texts, in pieces: their events, each after its size in four bytes, compressed."""
    compressor = zlib.compressobj(_LEVEL)
    for zone in zones:
        event = zone.event
        if piece := compressor.compress(_SIZE.pack(len(event)) + event):
            yield piece
    yield compressor.flush()


def zones_in(pieces: Iterable[bytes]) -> Iterator[PackedZone]:
    """The zones as they were packed, from any pieces of that value.

    Raises:
        ValueError: The value is truncated.
    """
    waiting = bytearray()
    for data in _unpacked(pieces):
        waiting += data
        start = 0
        while len(waiting) - start >= _SIZE.size:
            end = start + _SIZE.size + _SIZE.unpack_from(waiting, start)[0]
            if end > len(waiting):
                break
            yield _zone(bytes(waiting[start + _SIZE.size : end]))
            start = end
        del waiting[:start]
    if waiting:
        raise ValueError("the contents of a version end in the middle of a zone")


def _unpacked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    decompressor = zlib.decompressobj()
    for piece in pieces:
        while piece:
            yield decompressor.decompress(piece, _STEP_BYTES)
            piece = decompressor.unconsumed_tail
    yield decompressor.flush()
    if not decompressor.eof:
        raise ValueError("the contents of a version are truncated")


def _zone(event: bytes) -> PackedZone:
    geozone = events_pb2.GeozoneEvent.FromString(event).geozone
    published_json = geozone.published_json.encode()
    geozone.ClearField("published_json")
    outlines = shapely.from_wkb([layer.outline_wkb for layer in geozone.layers])
    west, south, east, north = shapely.total_bounds(outlines).tolist()
    return PackedZone(geozone.name, Box(west, south, east, north), geozone.SerializeToString(), published_json)
