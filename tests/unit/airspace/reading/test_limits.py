"""Vertical limits: of every doubtful one the wider reading, and a note."""

from __future__ import annotations

import json
import math

import pytest

from lowsky.geo.heights.altitude import AltitudeBand, Datum
from tests.support.whole_reading import read

RING = [[8.0, 47.0], [8.1, 47.0], [8.1, 47.1], [8.0, 47.1], [8.0, 47.0]]
VOLUME: dict[str, object] = {
    "uomDimensions": "M",
    "lowerLimit": 10,
    "lowerVerticalReference": "AGL",
    "upperLimit": 120,
    "upperVerticalReference": "AMSL",
    "horizontalProjection": {"type": "Polygon", "coordinates": [RING]},
}
INF = math.inf
AGL, AMSL, WGS84 = Datum.AGL, Datum.AMSL, Datum.WGS84


def band(changes: dict[str, object]) -> tuple[AltitudeBand, list[str]]:
    volume = {key: value for key, value in (VOLUME | changes).items() if value is not ...}
    zone = {
        "identifier": "Z",
        "restriction": "PROHIBITED",
        "applicability": [{"permanent": "YES"}],
        "geometry": [volume],
    }
    found = read(json.dumps([zone]).encode())
    return found.zones[0].geozone.layers[0].altitude, [note.reason for note in found.entries[0].notes]


@pytest.mark.parametrize(
    ("changes", "expected", "noted"),
    [
        ({}, (10.0, AGL, 120.0, AMSL), []),
        ({"upperLimit": "120"}, (10.0, AGL, 120.0, AMSL), ["NUMBER_AS_TEXT"]),
        ({"upperLimit": " 120.5 "}, (10.0, AGL, 120.5, AMSL), ["NUMBER_AS_TEXT"]),
        ({"upperLimit": 99999}, (10.0, AGL, INF, AMSL), ["NO_CEILING"]),
        ({"upperLimit": 99998}, (10.0, AGL, 99998.0, AMSL), []),
        ({"upperLimit": 9999}, (10.0, AGL, INF, AMSL), ["NO_CEILING"]),
        ({"upperLimit": "UNL"}, (10.0, AGL, INF, AMSL), ["NO_CEILING"]),
        ({"upperLimit": None}, (10.0, AGL, INF, AMSL), ["UPPER_ABSENT"]),
        ({"upperLimit": ...}, (10.0, AGL, INF, AMSL), ["UPPER_ABSENT"]),
        ({"upperLimit": "high"}, (10.0, AGL, INF, AMSL), ["UPPER_UNREADABLE"]),
        ({"upperLimit": "1.200"}, (10.0, AGL, INF, AMSL), ["UPPER_UNREADABLE"]),
        ({"upperLimit": True}, (10.0, AGL, INF, AMSL), ["UPPER_UNREADABLE"]),
        ({"upperLimit": [120]}, (10.0, AGL, INF, AMSL), ["UPPER_UNREADABLE"]),
        ({"upperVerticalReference": ...}, (10.0, AGL, INF, AGL), ["UPPER_DATUM_UNKNOWN"]),
        ({"upperVerticalReference": "STD"}, (10.0, AGL, INF, AGL), ["UPPER_DATUM_UNKNOWN"]),
        ({"upperVerticalReference": "wgs-84"}, (10.0, AGL, 120.0, WGS84), []),
        ({"upperVerticalReference": "MSL"}, (10.0, AGL, 120.0, AMSL), []),
        ({"lowerLimit": None}, (0.0, AGL, 120.0, AMSL), ["LOWER_ABSENT"]),
        ({"lowerLimit": ..., "lowerVerticalReference": ...}, (-INF, AGL, 120.0, AMSL), ["LOWER_ABSENT"]),
        ({"lowerLimit": None, "lowerVerticalReference": "AMSL"}, (-INF, AMSL, 120.0, AMSL), ["LOWER_ABSENT"]),
        ({"lowerLimit": "GND"}, (0.0, AGL, 120.0, AMSL), []),
        ({"lowerLimit": "low"}, (-INF, AGL, 120.0, AMSL), ["LOWER_UNREADABLE"]),
        ({"lowerLimit": 99999}, (-INF, AGL, 120.0, AMSL), ["LOWER_UNREADABLE"]),
        ({"lowerLimit": -9999}, (-INF, AGL, 120.0, AMSL), ["LOWER_UNREADABLE"]),
        ({"lowerLimit": -50}, (-50.0, AGL, 120.0, AMSL), []),
        ({"lowerVerticalReference": "FL"}, (-INF, AGL, 120.0, AMSL), ["LOWER_DATUM_UNKNOWN"]),
        ({"uomDimensions": "FT"}, (3.048, AGL, 36.576, AMSL), []),
        ({"uomDimensions": "ft"}, (3.048, AGL, 36.576, AMSL), []),
        ({"uomDimensions": "FL"}, (-INF, AGL, INF, AMSL), ["UNIT_UNKNOWN"]),
        ({"uomDimensions": ...}, (3.048, AGL, 120.0, AMSL), ["UNIT_ABSENT"]),
        ({"upperVerticalReference": "AGL", "upperLimit": 5}, (-INF, AGL, INF, AGL), ["LIMITS_CONTRADICT"]),
        ({"upperVerticalReference": "AGL", "upperLimit": 10}, (-INF, AGL, INF, AGL), ["LIMITS_CONTRADICT"]),
        ({"upperVerticalReference": "AGL", "upperLimit": 10.01}, (10.0, AGL, 10.01, AGL), []),
    ],
)
def test_a_doubtful_limit_is_read_as_the_wider(
    changes: dict[str, object], expected: tuple[float, Datum, float, Datum], noted: list[str]
) -> None:
    found, reasons = band(changes)
    assert found == AltitudeBand(*expected)
    assert reasons == noted


def test_an_absent_unit_of_ed_318_is_the_metre_as_its_schema_says() -> None:
    layer = {"upper": 150, "upperReference": "WGS84", "lower": 50, "lowerReference": "AMSL"}
    geometry = {"type": "Polygon", "coordinates": [RING], "layer": layer}
    feature = {"type": "Feature", "geometry": geometry, "properties": {"identifier": "Z", "type": "PROHIBITED"}}
    found = read(json.dumps(feature).encode())
    assert found.zones[0].geozone.layers[0].altitude == AltitudeBand(50, AMSL, 150, WGS84)
    assert not found.entries[0].notes
