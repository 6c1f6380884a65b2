"""The shape of a file: where its zones are, which dialect each is in, and what the file says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lowsky.airspace.reading.pieces import Piece
from lowsky.airspace.reading.report import Format, Metadata, Notes, UnreadableZones
from lowsky.airspace.reading.values import empty, instant, mapping, text, texts

ZONES_MAX = 100_000
"""A large country has some ten thousand."""

LIST_KEYS = ("features", "UASZoneList")
_ZONE_KEYS = ("identifier", "restriction", "horizontalProjection")
_METADATA_KEYS = ("metadata", "datasetMetadata")


@dataclass(frozen=True, slots=True)
class Layout:
    """The published zones in order, as JSON values of any kind or pieces of a large file, and its other members."""

    format: Format
    entries: list[object]
    metadata: Metadata


def lay_out(document: object) -> Layout:
    """Finds the zones: a list, `features`, `UASZoneList`, or a document that is itself one zone.

    Raises:
        UnreadableZones: NOT_A_ZONE_FILE, TOO_MANY_ZONES.
    """
    members = mapping(document)
    entries = _entries(document)
    if len(entries) > ZONES_MAX:
        raise UnreadableZones("TOO_MANY_ZONES", f"the file has {len(entries)} zones; {ZONES_MAX} is the most")
    formats = {
        entry.format if isinstance(entry, Piece) else format_of(entry)
        for entry in entries
        if isinstance(entry, (dict, Piece))
    }
    if not formats:
        formats = {Format.ED_318 if members.get("type") == "FeatureCollection" else Format.ED_269}
    single = formats.pop() if len(formats) == 1 else Format.MIXED
    return Layout(single, entries, _metadata(members))


def format_of(entry: Mapping[str, object]) -> Format:
    """The dialect of one zone: ED-269 has `restriction` and `applicability`, ED-318 puts the restriction in `type`."""
    source = mapping(entry.get("properties")) or entry
    if "restriction" in source or "applicability" in source or isinstance(source.get("geometry"), list):
        return Format.ED_269
    return Format.ED_318


def _entries(document: object) -> list[object]:
    if isinstance(document, list):
        if document and not any(isinstance(entry, (dict, Piece)) for entry in document):
            raise UnreadableZones("NOT_A_ZONE_FILE", "the file is a list, and not of zones")
        return _flat(document)
    if not isinstance(document, dict):
        raise UnreadableZones("NOT_A_ZONE_FILE", "the file is neither a list of zones nor an object that holds them")
    named = [key for key in LIST_KEYS if key in document]
    for key in named:
        if not isinstance(document[key], list):
            raise UnreadableZones("NOT_A_ZONE_FILE", f"{key} is not a list of zones")
    if named:
        itself = [] if empty(document.get("geometry")) else [document]
        return [*itself, *(entry for key in named for entry in _flat(document[key]))]
    if document.get("type") == "Feature" or any(isinstance(document.get(key), str) for key in _ZONE_KEYS):
        return [document]
    wanted = " or ".join(LIST_KEYS)
    raise UnreadableZones("NOT_A_ZONE_FILE", f"the file holds no zones: no {wanted}, and it is not a zone itself")


def _flat(entries: list[object]) -> list[object]:
    """The entries, those of collections within the list in place of the collection."""
    found: list[object] = []
    for entry in entries:
        inner = _inner(entry)
        if not inner or not empty(mapping(entry).get("geometry")):
            found.append(entry)
        found.extend(zone for zones in inner for zone in zones)
    return found


def _inner(entry: object) -> list[list[object]]:
    members = mapping(entry)
    return [zones for key in LIST_KEYS if isinstance(zones := members.get(key), list)]


def _metadata(members: Mapping[str, object]) -> Metadata:
    if members.get("type") == "Feature":
        return Metadata()
    own = next((mapping(members[key]) for key in _METADATA_KEYS if key in members), members)
    notes = Notes()  # What a file says of itself bounds no zone: unreadable members are left in `other`.

    def moment(*names: str) -> object:
        return next((own[name] for name in names if own.get(name) is not None), None)

    return Metadata(
        title=text(members.get("title")) or text(members.get("name")),
        provider=texts(own.get("provider")),
        description=texts(own.get("description")) or texts(members.get("description")),
        issued=instant(moment("issued", "createdAt", "creationDateTime"), end=False, field="issued", notes=notes),
        valid_from=instant(moment("validFrom"), end=False, field="validFrom", notes=notes),
        valid_to=instant(moment("validTo"), end=True, field="validTo", notes=notes),
        other={key: value for key, value in members.items() if key not in LIST_KEYS},
    )
