"""Stored zones, decoded for the index of the geofence."""

from __future__ import annotations

from collections.abc import Mapping

from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.geo.codec.zones import geozone_from_message
from lowsky.geo.zones.index import IndexedZone


def indexed(messages: Mapping[str, bytes]) -> list[IndexedZone[None]]:
    """Zones by name (lowsky.api.airspace.v1.Geozone), ready for an index.

    Raises:
        ValueError: A zone cannot be decoded. It must not be dropped silently.
    """
    zones = []
    for name, message in messages.items():
        try:
            zones.append(IndexedZone(name, geozone_from_message(pb.Geozone.FromString(message)), None))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
    return zones
