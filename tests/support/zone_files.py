"""Zone files made for tests, in both formats."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

Point = tuple[float, float]


def square(west: float, south: float, size: float = 0.01) -> list[Point]:
    """A closed ring, counter-clockwise, in longitude and latitude."""
    east, north = west + size, south + size
    return [(west, south), (east, south), (east, north), (west, north), (west, south)]


def ed269_zone(identifier: str, ring: Sequence[Point] | None = None, **changes: object) -> dict[str, object]:
    """A zone that needs authorisation from the ground to 120 m."""
    zone: dict[str, object] = {
        "identifier": identifier,
        "country": "AUT",
        "name": f"Zone {identifier}",
        "type": "COMMON",
        "restriction": "REQ_AUTHORISATION",
        "reason": ["AIR_TRAFFIC"],
        "applicability": [{"permanent": "YES"}],
        "zoneAuthority": [{"name": "Tower", "purpose": "AUTHORIZATION"}],
        "geometry": [
            {
                "uomDimensions": "M",
                "lowerLimit": 0,
                "lowerVerticalReference": "AGL",
                "upperLimit": 120,
                "upperVerticalReference": "AGL",
                "horizontalProjection": {"type": "Polygon", "coordinates": [ring or square(16.3, 48.2)]},
            }
        ],
    }
    return zone | changes


def ed318_zone(identifier: str, ring: Sequence[Point] | None = None, **changes: object) -> dict[str, object]:
    """A prohibited zone up to 120 m."""
    properties: dict[str, object] = {
        "identifier": identifier,
        "country": "AUT",
        "name": [{"text": f"Zone {identifier}", "lang": "en-GB"}],
        "type": "PROHIBITED",
        "variant": "COMMON",
        "zoneAuthority": [{"name": [{"text": "Tower", "lang": "en-GB"}], "purpose": "INFORMATION"}],
    }
    layer = {"upper": 120, "upperReference": "AGL", "lower": 0, "lowerReference": "AGL", "uom": "m"}
    geometry = {"type": "Polygon", "coordinates": [ring or square(16.3, 48.2)], "layer": layer}
    return {"type": "Feature", "geometry": geometry, "properties": properties | changes}


def refused_zone(identifier: str) -> dict[str, object]:
    """A zone whose restriction nobody can stand behind."""
    return ed269_zone(identifier, restriction="ASK_AT_THE_GATE")


def file_of(zones: Iterable[Mapping[str, object]], **members: object) -> bytes:
    """A file of zones, of either format."""
    return json.dumps({"type": "FeatureCollection", **members, "features": list(zones)}).encode()
