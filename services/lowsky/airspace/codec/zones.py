"""Zones serialised for storage and for their events, before the transaction that brings them into force.

The version that a dataset gets is known only under the lock of the airspace, so it is stamped on by appending to the
bytes: in protobuf, messages written one after the other read as their merge.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import shapely
from google.protobuf.descriptor import Descriptor
from numpy.typing import NDArray

from lowsky.airspace.admission import AdmittedZone
from lowsky.airspace.reading import Note
from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.api.events.v1 import events_pb2
from lowsky.events.outbox import EVENT_BYTES_MAX
from lowsky.geo.codec.zones import geozone_to_message

STAMP_BYTES_MAX = 32
"""Size of a version in an event, whatever the version."""

ZONE_BYTES_MAX = EVENT_BYTES_MAX - STAMP_BYTES_MAX
"""Size of a zone's event before it is stamped: a zone that is too large for the event log is refused by name, before
the transaction."""


@dataclass(frozen=True, slots=True)
class Box:
    """Least and greatest longitude and latitude of all layers."""

    west: float
    south: float
    east: float
    north: float


@dataclass(frozen=True, slots=True)
class PackedZone:
    """A zone as bytes, without the version of its dataset."""

    name: str
    box: Box
    geozone: bytes
    """lowsky.api.airspace.v1.Geozone without the published text."""
    published_json: bytes

    @property
    def event(self) -> bytes:
        """lowsky.api.events.v1.GeozoneEvent, with the published text."""
        return _field(_EVENT, "geozone", self.geozone + _field(_GEOZONE, "published_json", self.published_json))


@dataclass(frozen=True, slots=True)
class VersionStamp:
    """Puts a dataset's version on packed zones."""

    on_geozone: bytes
    on_event: bytes

    @classmethod
    def of(cls, version: int) -> VersionStamp:
        """The stamp of a version."""
        geozone = pb.Geozone(dataset_version=version)
        return cls(geozone.SerializeToString(), events_pb2.GeozoneEvent(geozone=geozone).SerializeToString())


def notes_to_messages(notes: Iterable[Note]) -> list[pb.ReportNote]:
    """Notes of a reading."""
    return [pb.ReportNote(reason=note.reason, field=note.field, message=note.message) for note in notes]


def outlines_of(geozone: bytes) -> NDArray[np.object_]:
    """The outlines of the layers of a zone, lowsky.api.airspace.v1.Geozone."""
    return np.asarray(shapely.from_wkb([layer.outline_wkb for layer in pb.Geozone.FromString(geozone).layers]))


def pack(zone: AdmittedZone, dataset: str) -> PackedZone:
    """A zone as bytes, without a limit on their number."""
    message = geozone_to_message(
        zone.geozone, name=zone.name, dataset=dataset, dataset_version=0, notes=notes_to_messages(zone.notes)
    )
    wests, souths, easts, norths = zip(*(layer.outline.bounds for layer in zone.geozone.layers), strict=True)
    box = Box(min(wests), min(souths), max(easts), max(norths))
    return PackedZone(zone.name, box, message.SerializeToString(), zone.published_json)


_EVENT, _GEOZONE = events_pb2.GeozoneEvent.DESCRIPTOR, pb.Geozone.DESCRIPTOR


def _field(message: Descriptor, name: str, value: bytes) -> bytes:
    """A field of bytes, text or a message in protobuf encoding; nothing where it is empty."""
    if not value:
        return b""
    tag, size = message.fields_by_name[name].number << 3 | 2, len(value)
    return _varint(tag) + _varint(size) + value


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    found.append(number)
    return bytes(found)
