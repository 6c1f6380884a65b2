"""Turns a zone that was read into one that may come into force, with its resource name and its authorities resolved."""

from __future__ import annotations

from dataclasses import dataclass

from lowsky.airspace.domain.deciding_authorities import Directory, resolve
from lowsky.airspace.domain.zone_names import geozone_name
from lowsky.airspace.reading import Note, ReadZone
from lowsky.geo.zones.geozone import Geozone


@dataclass(frozen=True, slots=True)
class AdmittedZone:
    """A zone under its resource name; `published_json` is its own part of the file."""

    name: str
    geozone: Geozone
    notes: tuple[Note, ...]
    published_json: bytes


def admit(zone: ReadZone, dataset: str, directory: Directory) -> AdmittedZone:
    """Names a zone and finds who decides for it."""
    geozone, remarks = resolve(zone.geozone, directory)
    notes = (*zone.notes, *(Note(remark.reason, remark.field, remark.message) for remark in remarks))
    return AdmittedZone(geozone_name(dataset, geozone.identifier), geozone, notes, zone.published_json)
