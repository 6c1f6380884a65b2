"""Reference systems by their names, as a `crs` of GeoJSON 2008 states them; in plain Python, for the command too.

Positions are longitude, then latitude, whatever order of axes the named system has: GeoJSON 2008 section 2.1.1 and RFC
7946 section 3.1.1 both say so, and writers of files in EPSG:4326 keep to it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class ReferenceSystem(StrEnum):
    """What longitudes and latitudes of a source are measured in."""

    WGS_84 = "WGS_84"
    CGCS2000 = "CGCS2000"
    """China's own: some centimetres from WGS 84, and taken as equal to it."""
    GCJ_02 = "GCJ_02"
    """WGS 84 as displaced for maps within China."""
    BD_09 = "BD_09"
    """GCJ-02 as displaced once more by Baidu."""

    @property
    def displaced(self) -> bool:
        """Whether its coordinates have to be converted."""
        return self not in _ON_THE_GROUND


_ON_THE_GROUND = frozenset({ReferenceSystem.WGS_84, ReferenceSystem.CGCS2000})

_NAMES: Final[Mapping[ReferenceSystem, str]] = {
    ReferenceSystem.WGS_84: "WGS84 WGS1984 GCSWGS1984 WORLDGEODETICSYSTEM1984 CRS84 OGCCRS84 OGCCRS84H"
    " EPSG4326 EPSG4979",
    ReferenceSystem.CGCS2000: "CGCS2000 CHINAGEODETICCOORDINATESYSTEM2000 GCSCHINAGEODETICCOORDINATESYSTEM2000"
    " EPSG4490 EPSG4480",
    ReferenceSystem.GCJ_02: "GCJ02",
    ReferenceSystem.BD_09: "BD09 BD09LL",
}
"""Letters and digits of names, in capitals."""
_KNOWN = {name: system for system, names in _NAMES.items() for name in names.split()}

_CODES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"urn:(?:x-)?ogc:def:crs:(?P<authority>[a-z]+)(?::[^:]*)?:(?P<code>\w+)",
        r"https?://(?:www\.)?opengis\.net/def/crs/(?P<authority>[a-z]+)/[^/]+/(?P<code>\w+)/?",
        r"https?://(?:www\.)?opengis\.net/gml/srs/(?P<authority>[a-z]+)\.xml#(?P<code>\w+)",
        r"https?://(?:www\.)?spatialreference\.org/ref/(?P<authority>[a-z]+)/(?P<code>\w+)(?:/.*)?",
        r"https?://(?:www\.)?(?P<authority>epsg)\.io/(?P<code>\d+)(?:[./].*)?",
        r"(?P<authority>[a-z]+)::?(?P<code>\w+)",
    )
)
_CODE = re.compile(r"[A-Z]+:\w+")
_NAME_MAX = 200
"""Characters of a name that is repeated in a message."""


def stated_name(crs: object) -> str:
    """The name that the value of a member `crs` states: AUTHORITY:CODE where it is one, else as it is written.

    A linked system is known by its address alone, where that is of a registry; nothing is fetched.

    Raises:
        ValueError: It states nothing that can be understood, null included: by GeoJSON 2008 that forbids any guess.
    """
    if crs is None:
        raise ValueError("the crs is null, which forbids to assume any")
    if isinstance(crs, Mapping):
        properties = crs.get("properties")
        stated = properties if isinstance(properties, Mapping) else {}
        kind = str(crs.get("type")).lower()
        if kind == "link":
            address = str(stated.get("href"))
            if not _CODE.fullmatch(_canonical(address)):
                raise ValueError(f"the crs is a link, which is not fetched: {address[:_NAME_MAX]}")
            crs = address
        else:
            crs = f"EPSG:{stated['code']}" if kind == "epsg" and "code" in stated else stated.get("name")
    if isinstance(crs, int) and not isinstance(crs, bool):
        crs = f"EPSG:{crs}"
    if not isinstance(crs, str) or not crs.strip():
        raise ValueError("the crs names no reference system")
    return _canonical(crs)


def known(name: str) -> ReferenceSystem | None:
    """The system of a name of `stated_name`, where it is one of those that lowsky knows by itself."""
    return _KNOWN.get(re.sub(r"[^A-Z0-9]", "", name.upper()))


def _canonical(written: str) -> str:
    written = written.strip()
    for pattern in _CODES:
        found = pattern.fullmatch(written)
        if found is not None:
            return f"{found['authority'].upper()}:{found['code'].upper()}"
    return written[:_NAME_MAX]
