"""The attributes of a zone that lowsky reads, and how published files spell them.

Publishers write the members of ED-269 and ED-318 in other cases and with other separators (`UOM`, `vertical_layer`),
in the plural (`reasons`), under the other dialect's name, nested in groups of their own (`UASZone.type`), or flattened
out of the standard's groups, with or without the group's name (`upper`, `verticalLayer_upper`, `name_authority`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache

from lowsky.airspace.reading.report import Format


class Group(StrEnum):
    """An object of the standards that holds attributes."""

    ZONE = "zone"
    LAYER = "layer"
    AUTHORITY = "authority"
    PERIOD = "period"
    DAILY = "daily"


KEY_LENGTH_MAX = 60
"""Longer keys name nothing known: the longest is a group's name and a member's."""

_ZONE_GROUPS = frozenset({"uaszone", "uaszoneversion", "geozone", "geozoneversion", "uasgeozone", "zone"})
_GROUPS = {
    Group.ZONE: _ZONE_GROUPS,
    Group.LAYER: ("layer", "verticallayer", "verticalextent"),
    Group.AUTHORITY: ("zoneauthority", "zoneauthorities", "authority", "authorities"),
    Group.PERIOD: ("limitedapplicability", "applicability", "timeperiod", "timeperiods"),
    Group.DAILY: ("schedule", "dailyperiod"),
}

_SHARED: dict[Group, dict[str, tuple[str, ...]]] = {
    Group.ZONE: {
        "identifier": (),
        "country": (),
        "name": ("names",),
        "region": (),
        "reason": ("reasons",),
        "otherReasonInfo": ("otherreason", "otherreasons"),
        "regulationExemption": (),
        "message": ("messages",),
        "restrictionConditions": ("restrictioncondition",),
        "zoneAuthority": _GROUPS[Group.AUTHORITY],  # type: ignore[dict-item]
        "extendedProperties": (),
        "hidden": (),
        "geometry": (),
    },
    Group.AUTHORITY: {
        "name": ("names",),
        "service": ("services",),
        "contactName": ("contact", "contactnames"),
        "siteURL": ("url", "website"),
        "email": ("emails",),
        "phone": ("phones", "telephone"),
        "purpose": (),
        "intervalBefore": (),
    },
    Group.PERIOD: {"startDateTime": (), "endDateTime": (), "schedule": ("dailyperiod",), "permanent": ()},
    Group.DAILY: {"day": ("days",), "startTime": (), "startEvent": (), "endTime": (), "endEvent": ()},
}
_OWN: dict[Format, dict[Group, dict[str, tuple[str, ...]]]] = {
    Format.ED_318: {
        Group.ZONE: {
            "type": (),
            "variant": (),
            "limitedApplicability": _GROUPS[Group.PERIOD],  # type: ignore[dict-item]
            "layer": _GROUPS[Group.LAYER],  # type: ignore[dict-item]
        },
        Group.LAYER: {
            "upper": ("upperlimit",),
            "upperReference": ("upperverticalreference",),
            "lower": ("lowerlimit",),
            "lowerReference": ("lowerverticalreference",),
            "uom": ("uomdimensions",),
        },
    },
    Format.ED_269: {
        Group.ZONE: {
            "restriction": (),
            "type": ("variant",),
            "applicability": _GROUPS[Group.PERIOD],  # type: ignore[dict-item]
            "layer": _GROUPS[Group.LAYER],  # type: ignore[dict-item]
        },
        Group.LAYER: {
            "upperLimit": ("upper",),
            "upperVerticalReference": ("upperreference",),
            "lowerLimit": ("lower",),
            "lowerVerticalReference": ("lowerreference",),
            "uomDimensions": ("uom",),
        },
    },
}


def _table(dialect: Format) -> dict[str, tuple[Group, str]]:
    """Normalised spellings of keys at the level of a zone's members; the zone's own members take precedence."""
    own = _OWN[dialect]
    alone: dict[str, tuple[Group, str]] = {}
    grouped: dict[str, tuple[Group, str]] = {}
    for group in Group:
        for member, others in (_SHARED.get(group, {}) | own.get(group, {})).items():
            for spelling in (_plain(member), *others):
                if spelling == _plain(member) or group is not Group.AUTHORITY:  # a `url` may be any
                    alone.setdefault(spelling, (group, member))
                for name in _GROUPS[group]:
                    for joined in (name + spelling, f"{name}0{spelling}", spelling + name):
                        grouped.setdefault(joined, (group, member))
    return grouped | alone


def _within(dialect: Format, group: Group) -> dict[str, str]:
    """Plain spellings of the members of one group."""
    members = _SHARED.get(group, {}) | _OWN[dialect].get(group, {})
    return {spelling: member for member, others in members.items() for spelling in (_plain(member), *others)}


def _plain(key: str) -> str:
    return re.sub(r"[^a-z0-9]", "", key.lower())


_TABLES = {dialect: _table(dialect) for dialect in _OWN}
_MEMBERS = {(dialect, group): _within(dialect, group) for dialect in _OWN for group in Group}


@lru_cache(maxsize=4096)
def _short_plain(key: str) -> str:
    return _plain(key)


def plain(key: str) -> str:
    """A key without its case and separators, "" where it is too long to be known."""
    return _short_plain(key) if len(key) <= KEY_LENGTH_MAX else ""


def attribute(key: str, dialect: Format) -> tuple[Group, str] | None:
    """The attribute that a key at the level of a zone's members names, as the dialect spells it; None if unknown."""
    return _TABLES[dialect].get(plain(key))


def member(key: str, group: Group, dialect: Format) -> str | None:
    """The member that a key within a group names, in the dialect's spelling; None if unknown."""
    return _MEMBERS[dialect, group].get(plain(key))


def members(group: Group, dialect: Format) -> Iterator[str]:
    """The names of a group's members in the dialect."""
    yield from (_SHARED.get(group, {}) | _OWN[dialect].get(group, {}))


def is_zone_group(key: str) -> bool:
    """Whether a key names an object that holds the members of the zone."""
    return plain(key) in _ZONE_GROUPS
