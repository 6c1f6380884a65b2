"""The shape of a file: whether it holds zones, which dialect each is in, and what the file says of itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lowsky.airspace.reading.attributes.json_values import empty, instant, mapping, text, texts
from lowsky.airspace.reading.report import Format, Metadata, Notes, UnreadableZones

ZONES_MAX = 100_000
"""A large country has some ten thousand."""

LIST_KEYS = ("features", "UASZoneList")
_ZONE_KEYS = ("identifier", "restriction", "horizontalProjection")
_METADATA_KEYS = ("metadata", "datasetMetadata")
_USED_KEYS = frozenset({*LIST_KEYS, "type", "title", "name", "crs"})
"""Members of a file that determine what is stored: its zones, its dialect, its title, its reference system."""


def require_zone_file(document: object) -> None:
    """Raises UnreadableZones unless the file is an object that holds zones, or itself one.

    NOT_A_ZONE_FILE, or FORMAT_UNSUPPORTED where it is JSON of a known other kind.

    Of the lists of zones that an object holds it is enough that they are there.
    """
    if not isinstance(document, dict):
        raise UnreadableZones("NOT_A_ZONE_FILE", "the file is neither a list of zones nor an object that holds them")
    if document.get("type") == "Topology" or "esriGeometry" in text(document.get("geometryType")):
        name = "TopoJSON" if document.get("type") == "Topology" else "ArcGIS JSON"
        message = f"the file is {name}, which is not read: export it as GeoJSON in WGS 84, and import that by a mapping"
        raise UnreadableZones("FORMAT_UNSUPPORTED", message)
    named = [key for key in LIST_KEYS if key in document]
    for key in named:
        if not isinstance(document[key], list):
            raise UnreadableZones("NOT_A_ZONE_FILE", f"{key} is not a list of zones")
    itself = document.get("type") == "Feature" or any(isinstance(document.get(key), str) for key in _ZONE_KEYS)
    if not named and not itself:
        wanted = " or ".join(LIST_KEYS)
        raise UnreadableZones("NOT_A_ZONE_FILE", f"the file holds no zones: no {wanted}, and it is not a zone itself")


def holds_zones(entry: object) -> bool:
    """Whether an entry of a list of zones is a collection of them."""
    members = mapping(entry)
    return any(isinstance(members.get(key), list) for key in LIST_KEYS)


def single_format(formats: set[Format], members: Mapping[str, object]) -> Format:
    """The dialect of a file whose zones are in these; of one without zones by what else is in it."""
    if not formats:
        return Format.ED_318 if members.get("type") == "FeatureCollection" else Format.ED_269
    return next(iter(formats)) if len(formats) == 1 else Format.MIXED


def metadata_of(members: Mapping[str, object]) -> Metadata:
    """What the file's members beside its zones say."""
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


def metadata_left(members: Mapping[str, object]) -> Iterator[str]:
    """Paths of what a file states beside its zones and that nothing is stored of, such as `metadata.validTo`."""
    if members.get("type") == "Feature" or any(key in members for key in _ZONE_KEYS):
        return
    for key, value in members.items():
        if key in _METADATA_KEYS and isinstance(value, dict):
            yield from (f"{key}.{name}" for name, stated in value.items() if not empty(stated))
        elif key not in _USED_KEYS and not empty(value):
            yield key
