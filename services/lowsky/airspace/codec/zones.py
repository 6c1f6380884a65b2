"""Zones packed for storage and for their events, ahead of the transaction that brings them into force.

The version that a dataset gets is known only under the lock of the airspace, so it is stamped on by appending to the
bytes: in protobuf, messages written one after the other read as their merge.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import shapely

from lowsky.airspace.admission import Admission, AdmittedZone
from lowsky.airspace.reading import Note
from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.api.events.v1 import events_pb2
from lowsky.events.outbox import EVENT_BYTES_MAX
from lowsky.geo.codec import geozone_to_message

STAMP_BYTES_MAX = 32
"""Of a version in an event, whatever the version."""

ZONE_BYTES_MAX = EVENT_BYTES_MAX - STAMP_BYTES_MAX
"""Of a zone's event before it is stamped: a zone that the event log would not take is refused by name, ahead of the
transaction."""


@dataclass(frozen=True, slots=True)
class Box:
    """Least and greatest longitude and latitude of all layers."""

    west: float
    south: float
    east: float
    north: float


@dataclass(frozen=True, slots=True)
class PackedZone:
    """A zone as bytes, but for the version of its dataset."""

    name: str
    box: Box
    geozone: bytes
    """lowsky.api.airspace.v1.Geozone without the published text."""
    event: bytes
    """lowsky.api.events.v1.GeozoneEvent with it."""
    published_json: bytes


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


def pack(admission: Admission, dataset: str) -> tuple[Admission, list[PackedZone]]:
    """The zones as bytes; those whose event the log would not take are refused."""
    packed: list[PackedZone] = []
    refusals: dict[int, Note] = {}
    for zone in admission.zones:
        one = pack_zone(zone, dataset)
        if len(one.event) > ZONE_BYTES_MAX:
            refusals[zone.position] = Note(
                "ZONE_TOO_LARGE",
                "",
                f"the zone and its published text take {len(one.event)} bytes; {ZONE_BYTES_MAX} is the most",
            )
        else:
            packed.append(one)
    return admission.without(refusals), packed


def notes_to_messages(notes: Iterable[Note]) -> list[pb.ReportNote]:
    """Notes of a reading."""
    return [pb.ReportNote(reason=note.reason, field=note.field, message=note.message) for note in notes]


def pack_zone(zone: AdmittedZone, dataset: str) -> PackedZone:
    """One zone as bytes, however many."""
    message = geozone_to_message(
        zone.geozone, name=zone.name, dataset=dataset, dataset_version=0, notes=notes_to_messages(zone.notes)
    )
    geozone = message.SerializeToString()
    message.published_json = zone.published_json.decode()
    event = events_pb2.GeozoneEvent(geozone=message).SerializeToString()
    west, south, east, north = shapely.total_bounds([layer.outline for layer in zone.geozone.layers]).tolist()
    return PackedZone(zone.name, Box(west, south, east, north), geozone, event, zone.published_json)
