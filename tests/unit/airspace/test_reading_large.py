"""Files that are read zone by zone: the same zones, the same faults, in a bounded memory."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from lowsky.airspace.reading import UnreadableZones, document, read
from tests.support.zone_files import ed269_zone, ed318_zone, file_of

ZONES = [ed269_zone("A"), ed318_zone("B"), {"features": [ed269_zone("C"), ed269_zone("A")]}, 7, [], None]
AROUND = json.dumps({"title": "t", "n": [1, {"a": 2}], "features": ZONES[:2], "UASZoneList": ZONES[2:]}, indent=1)


@pytest.fixture
def piecewise(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(document, "WHOLE_BYTES_MAX", 0)
    return


def outcome(data: bytes) -> object:
    try:
        return read(data)
    except UnreadableZones as fault:
        return fault.reason, fault.message, fault.position


FILES = [
    file_of([ed269_zone("A"), ed269_zone("B")]),
    json.dumps(ZONES).encode(),
    AROUND.encode(),
    b'\xef\xbb\xbf {"features" : [ ] } ',
    b"[]",
    b"[[]]",
    b"{}",
    b"7",
    json.dumps(ed269_zone("A")).encode(),
    b'{"features": {}}',
    b'{"features": [{"identifier": "A", "identifier": "B"}]}',
    b'{"features": [], "features": []}',
    b'{"features": [{"identifier": NaN}]}',
    b'{"features": [\xff]}',
    b'{"features": [{"identifier": }]}',
    b'{"features": [{} {}]}',
    b'{"features": [{},',
    b'{"features": [',
    b'{"features" []}',
    b'{"features": []',
    b'{"features": []} x',
    b"{features: []}",
    b"",
    b"[" * 70 + b"]" * 70,
]


@pytest.mark.parametrize("data", FILES)
def test_a_large_file_is_read_and_refused_as_a_small_one(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = outcome(data)
    monkeypatch.setattr(document, "WHOLE_BYTES_MAX", 0)
    assert outcome(data) == whole


@pytest.mark.parametrize("end", range(0, len(AROUND), 97))
def test_a_large_file_that_breaks_off_is_named_with_the_place(end: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = outcome(AROUND[:end].encode())
    monkeypatch.setattr(document, "WHOLE_BYTES_MAX", 0)
    assert outcome(AROUND[:end].encode()) == whole


@pytest.mark.usefixtures("piecewise")
def test_a_zone_that_holds_a_large_list_of_zones_is_no_zone_file() -> None:
    with pytest.raises(UnreadableZones, match="NOT_A_ZONE_FILE"):
        read(json.dumps(ed318_zone("A") | {"features": [ed318_zone("B")]}).encode())


@pytest.mark.usefixtures("piecewise")
def test_a_large_file_has_at_most_so_many_zones() -> None:
    with pytest.raises(UnreadableZones, match="TOO_MANY_ZONES"):
        read(b"[" + b"{}," * 100_001 + b"{}]")
