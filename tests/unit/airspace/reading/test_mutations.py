"""Damaged files: whatever happens to one, it is refused as a whole or each of its zones is answered for."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lowsky.airspace.reading import UnreadableZones, ZoneOutcome
from tests.support.samples import PUBLIC, SAMPLES
from tests.support.whole_reading import WholeReading, read

PUBLISHED = PUBLIC / "zones"

RING = [[8.0, 47.0], [8.1, 47.0], [8.1, 47.1], [8.0, 47.1], [8.0, 47.0]]
OWN = [
    {
        "features": [
            {
                "identifier": f"Z{number}",
                "restriction": "REQ_AUTHORISATION",
                "applicability": [
                    {
                        "permanent": "NO",
                        "startDateTime": "2026-01-01T00:00:00Z",
                        "endDateTime": "2026-12-31T23:59:59Z",
                        "schedule": [{"day": ["MON"], "startTime": "08:00:00Z", "endTime": "18:00:00Z"}],
                    }
                ],
                "zoneAuthority": [{"name": "Tower", "purpose": "AUTHORIZATION", "intervalBefore": "P1D"}],
                "geometry": [
                    {
                        "uomDimensions": "M",
                        "lowerLimit": 0,
                        "lowerVerticalReference": "AGL",
                        "upperLimit": 120,
                        "upperVerticalReference": "AGL",
                        "horizontalProjection": projection,
                    }
                ],
            }
            for number, projection in enumerate(
                [{"type": "Polygon", "coordinates": [RING]}, {"type": "Circle", "center": [8, 47], "radius": 500}]
            )
        ]
    },
    {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {
                    "identifier": "Z1",
                    "type": "PROHIBITED",
                    "name": [{"text": "Z", "lang": "en"}],
                    "limitedApplicability": [{"schedule": [{"day": ["SAT"], "startTime": "06:00Z", "endEvent": "SS"}]}],
                },
                "geometry": {
                    "type": "MultiPolygon",
                    "coordinates": [[RING, [[8.02, 47.02], [8.04, 47.02], [8.04, 47.04], [8.02, 47.02]]]],
                    "layer": {"upper": 120, "upperReference": "AMSL", "lower": 0, "lowerReference": "AGL", "uom": "ft"},
                },
            }
        ],
    },
]


def documents() -> list[object]:
    """Our own, the samples, and the small published ones where they are at hand."""
    files = [*sorted((SAMPLES / "zones").glob("*.json")), *sorted(PUBLISHED.rglob("*.json"))]
    small = [path.read_bytes() for path in files if path.stat().st_size < 12_000]
    return [*OWN, *(json.loads(data.decode("utf-8-sig")) for data in small)]


DOCUMENTS = documents()
ODD: list[object] = [
    *(None, True, False, 0, -1, 1e308, 99999, 10**350, -360, 181),
    *("", " ", "0", "NaN", "\x00", "\ud800", "9" * 400),
    *("2026-13-45T99:99:99Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"),
    *([], {}, [[]], [None], {"a": {}}, [[8, 47]] * 3),
]


def answered(data: bytes) -> WholeReading | None:
    try:
        found = read(data)
    except UnreadableZones:
        return None
    assert [entry.position for entry in found.entries] == list(range(len(found.entries)))
    taken = [entry for entry in found.entries if entry.outcome is not ZoneOutcome.REFUSED]
    assert [entry.identifier for entry in taken] == [zone.geozone.identifier for zone in found.zones]
    assert len({entry.identifier for entry in taken}) == len(taken)
    for entry in found.entries:
        assert entry.notes or entry.outcome is ZoneOutcome.TAKEN
    for zone in found.zones:
        json.loads(zone.published_json)
        for layer in zone.geozone.layers:
            assert layer.outline.is_valid
            assert layer.outline.area > 0
            assert -180 <= layer.outline.bounds[0] <= layer.outline.bounds[2] <= 180
    return found


def places(value: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found.extend(places(item, (*path, key)))
    return found


Change = Callable[[Any, Any], None]
"""Of the member or element at a key of its holder."""


def changed(value: object, path: tuple[object, ...], change: Change) -> object:
    copy = json.loads(json.dumps(value))
    holder = copy
    for key in path[:-1]:
        holder = holder[key]
    change(holder, path[-1])
    return copy


def put(odd: object) -> Change:
    def change(holder: Any, key: Any) -> None:
        holder[key] = odd

    return change


def drop(holder: Any, key: Any) -> None:
    del holder[key]


def rename(holder: Any, key: Any) -> None:
    if isinstance(holder, dict):
        holder[f"{key}_"] = holder.pop(key)


def as_text(holder: Any, key: Any) -> None:
    holder[key] = json.dumps(holder[key])


def zones_in(document: object) -> int | None:
    if isinstance(document, dict):
        document = document.get("features", document.get("UASZoneList"))
    return len(document) if isinstance(document, list) else None


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_changed_value_never_loses_a_zone(data: st.DataObject) -> None:
    document = data.draw(st.sampled_from(DOCUMENTS))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(document)))
        change = data.draw(st.sampled_from([drop, rename, as_text, *map(put, ODD)]))
        document = changed(document, path, change)
        if not isinstance(document, (dict, list)) or not document:
            return
    found = answered(json.dumps(document).encode())
    expected = zones_in(document)
    if found is not None and expected is not None:
        assert len(found.entries) >= expected


@pytest.mark.parametrize("seed", range(8))
def test_damaged_bytes_never_raise_anything_else(seed: int) -> None:
    chance = random.Random(seed)
    for document in DOCUMENTS:
        original = json.dumps(document).encode()
        for _ in range(10):
            data = bytearray(original)
            for _ in range(chance.randint(1, 4)):
                place = chance.randrange(len(data))
                if chance.random() < 0.5:
                    del data[place : place + chance.randint(1, 8)]
                else:
                    data[place] = chance.choice(b'0123456789-.,"[]{}:eE\\ \x00\xff')
            answered(bytes(data))


KEYS = ["features", "type", "properties", "geometry", "coordinates", "layer", "identifier", "restriction"]


def nested(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)


@settings(max_examples=300, deadline=None)
@given(st.recursive(st.sampled_from(ODD), nested, max_leaves=20))
def test_any_json_is_answered(value: object) -> None:
    answered(json.dumps(value).encode())
