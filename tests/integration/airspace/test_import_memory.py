"""What an import takes of a worker's memory does not grow with the file."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.support.zone_files import ed269_zone, ed318_zone

GROWTH_MAX = 96 * 1024 * 1024
"""Less than the file has: what is kept of each zone, and what is being read."""
GROWTH_OF_ONE_MAX = 250 * 1024 * 1024
"""With the worst of all zones: JSON of 5 MiB takes up to forty times its text."""
FILE_BYTES = 100_000_000
ZONE_BYTES = 20_000_000
"""Parsed, some 500 MB; more only takes longer."""
TEXT = "published, kept and not read; " * 3_300
"""100 kB, so that the file is large and quick to read."""


def in_lists(zones: Iterable[object]) -> Iterable[str]:
    yield '{"features": ['
    for place, zone in enumerate(zones):
        yield ("," if place else "") + json.dumps(zone)
    yield "]}"


def ed269(count: int) -> Iterable[str]:
    return in_lists(ed269_zone(f"Z{number}", note=TEXT) for number in range(count))


def ed318(count: int) -> Iterable[str]:
    return in_lists(ed318_zone(f"Z{number}", note=TEXT) for number in range(count))


def geojson(count: int) -> Iterable[str]:
    return in_lists(ed318_zone(f"Z{number}", ID=f"Z{number}", note=TEXT) for number in range(count))


def kml(count: int) -> Iterable[str]:
    ring = "8,47 8.1,47 8.1,47.1 8,47.1 8,47"
    yield "<kml><Document>"
    for number in range(count):
        yield f"<Placemark><ExtendedData><Data name='ID'><value>Z{number}</value></Data></ExtendedData>"
        yield f"<description>{TEXT}</description><Polygon><outerBoundaryIs><LinearRing><coordinates>{ring}"
        yield "</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>"
    yield "</Document></kml>"


def grown(path: Path, parts: Iterable[str]) -> dict[str, int]:
    """What a process says that reads the file, which is taken away again."""
    with path.open("w") as file:
        file.writelines(parts)
    try:
        command = [sys.executable, "-m", "tests.support.import_memory_probe", str(path)]
        said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    finally:
        path.unlink()
    found: dict[str, int] = json.loads(said.stdout)
    return found


@pytest.mark.parametrize(("make", "suffix"), [(ed269, ".json"), (ed318, ".json"), (geojson, ".geojson"), (kml, ".kml")])
def test_a_file_of_100_mb_is_prepared_in_less_memory_than_it_has(
    make: Callable[[int], Iterable[str]], suffix: str, tmp_path: Path
) -> None:
    count = FILE_BYTES // len(TEXT)
    found = grown(tmp_path / f"zones{suffix}", make(count))
    assert (found["taken"], found["refused"], found["added"]) == (count, 0, count)
    assert found["growth"] < GROWTH_MAX


@pytest.mark.parametrize("value", ["[1,2],", '{"":1},'])
def test_one_huge_zone_is_refused_in_bounded_memory(value: str, tmp_path: Path) -> None:
    values = (value * 1_000 for _ in range(ZONE_BYTES // len(value) // 1_000))
    found = grown(tmp_path / "zone.json", ['{"identifier": "Z", "geometry": [', *values, "0]}"])
    assert (found["taken"], found["refused"]) == (0, 1)
    assert found["growth"] < GROWTH_OF_ONE_MAX
