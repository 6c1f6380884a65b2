"""The reference system that a file states by `crs` (GeoJSON 2008, section 3), and the one of each of its zones.

A `crs` applies to the object that has it and to all objects within, unless one of these states another. RFC 7946
removed it: where none is stated or declared, coordinates are WGS 84. An unknown system is refused, never ignored.
(`coordRefSys` of JSON-FG does not apply to `geometry`, which is WGS 84 there.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from lowsky.airspace.reading.attributes.json_values import listed, mapping
from lowsky.airspace.reading.attributes.member_names import Group, attribute, is_zone_group
from lowsky.airspace.reading.attributes.standard_layout import GROUPS_MAX
from lowsky.airspace.reading.formats.json_parsing import TooLarge, repeated_key
from lowsky.airspace.reading.report import Format, UnreadableZones, ZoneRefused
from lowsky.geo.crs.datums import System, system_of
from lowsky.geo.crs.names import ReferenceSystem, stated_name

_WITHIN = ("geometries", "horizontalProjection")
"""Members by which a geometry holds others, in either dialect."""

_ADVICE = (
    "convert the file to WGS 84, as with ogr2ogr -t_srs OGC:CRS84; or, where it is in WGS 84, take the crs out of it"
)


def crs_members(members: Iterable[tuple[str, object]]) -> list[object]:
    """What an object states, by its members; whichever way `crs` is written."""
    return [value for key, value in members if key.lower() == "crs"]


def system_of_file(collections: Sequence[Sequence[object]], declared: ReferenceSystem | None) -> System:
    """What the zones of a file are measured in that do not state it themselves.

    Args:
        collections: What each collection states, the file first, then those within, which are to agree with it.
        declared: By the publisher, beside the file.

    Raises:
        UnreadableZones: CRS_UNSUPPORTED, CRS_CONTRADICTED.
    """
    try:
        own, *within = collections or [[]]
        found = _agreed(own, declared) or declared or ReferenceSystem.WGS_84
        for stated in within:
            other = _agreed(stated, declared) or found
            if not _same_place(found, other):
                message = f"a collection within the file is in {_called(other)}, the file in {_called(found)}"
                raise _Refused("CRS_CONTRADICTED", f"{message}: import them as files of their own")
        return found
    except _Refused as refusal:
        raise UnreadableZones(refusal.reason, refusal.message) from None


def system_of_zone(entry: Mapping[str, object], of_file: System, declared: ReferenceSystem | None) -> System:
    """What one zone is measured in.

    Raises:
        ZoneRefused: CRS_UNSUPPORTED, CRS_CONTRADICTED; also where its geometries are in several systems.
    """
    places = list(_nearest(entry, []))
    stated = [crs for nearest in places for crs in nearest]
    if not stated:
        return of_file
    try:
        found = _agreed(stated, declared) or of_file
        if not all(places) and not _same_place(found, of_file):
            raise _Refused(
                "CRS_CONTRADICTED", f"some of its geometries are in {_called(found)}, others in {_called(of_file)}"
            )
    except _Refused as refusal:
        raise ZoneRefused(refusal.reason, "crs", refusal.message) from None
    return found


class _Refused(Exception):
    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def _agreed(stated: Iterable[object], declared: ReferenceSystem | None) -> System | None:
    """The one system that all state, which is the declared one; None where nothing is stated."""
    found: System | None = None
    for crs in stated:
        system = _understood(crs, declared)
        if system is None:
            continue
        if declared is not None and not _same_place(system, declared):
            message = f"the reference system is stated as {_called(system)}, and {declared} is declared for the file"
            raise _Refused("CRS_CONTRADICTED", f"{message}: declare none, or take the crs out if it is wrong")
        if found is not None and not _same_place(system, found):
            raise _Refused("CRS_CONTRADICTED", f"both {_called(found)} and {_called(system)} are stated")
        found = system
    return found


def _understood(crs: object, declared: ReferenceSystem | None) -> System | None:
    """The system of a `crs`; None for null where the publisher declares what it is."""
    if crs is None and declared is not None:
        return None
    try:
        if isinstance(crs, TooLarge) or repeated_key(crs) is not None:
            raise ValueError("the crs is too large, or names a key twice")
        return system_of(stated_name(crs))
    except ValueError as fault:
        raise _Refused("CRS_UNSUPPORTED", f"{fault}: {_ADVICE}") from None


def _same_place(one: System, other: System) -> bool:
    return one == other or not (one.displaced or other.displaced)


def _called(system: System) -> str:
    return str(system) if isinstance(system, ReferenceSystem) else f"{system.code} ({system.title})"


def _nearest(fields: Mapping[str, object], around: list[object]) -> Iterator[list[object]]:
    """For each geometry within, what is stated nearest to it: nothing, one, or several spellings of `crs`."""
    stated = crs_members(fields.items()) or around
    inner = list(_held(fields, stated))
    if not inner:
        yield stated
    for part, nearest in inner:
        yield from _nearest(part, nearest)


def _held(
    fields: Mapping[str, object], stated: list[object], groups: int = GROUPS_MAX
) -> Iterator[tuple[Mapping[str, object], list[object]]]:
    """The geometries that an object, its properties, and groups of a zone's members within them hold, as `arranged`
    finds them; and what is stated around each."""
    for key, value in fields.items():
        if key in _WITHIN or attribute(key, Format.ED_269) == (Group.ZONE, "geometry"):
            yield from ((part, stated) for part in listed(value) if isinstance(part, dict))
        elif key == "properties":
            yield from _held(mapping(value), stated, groups)
        elif is_zone_group(key) and isinstance(value, dict) and groups:
            yield from _held(value, crs_members(value.items()) or stated, groups - 1)
