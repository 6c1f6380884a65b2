"""What is kept of a version for a rollback."""

from __future__ import annotations

import pytest

from lowsky.airspace.codec.imports.contents import contents_of, zones_in
from tests.support.packed_zones import packed
from tests.support.zone_files import ed269_zone, ed318_zone, file_of, square

ZONES = [
    ed269_zone("A", message="é 中 \u0000", unknown={"kept": [1.0, None]}),
    ed318_zone("B", square(16.0, 48.0, 0.1)),
    ed318_zone("C", [(179.9, 1.0), (-179.9, 1.0), (-179.9, 2.0), (179.9, 2.0), (179.9, 1.0)]),
]


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("size", [1, 100, 10**6])
def test_zones_come_back_as_they_were_packed_whatever_the_pieces(count: int, size: int) -> None:
    zones = packed(file_of(ZONES[:count]))
    assert len(zones) == count
    contents = b"".join(contents_of(zones))
    pieces = [contents[at : at + size] for at in range(0, len(contents), size)]
    assert list(zones_in(pieces)) == zones


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.99])
def test_contents_that_are_broken_off_are_no_version(kept: float) -> None:
    contents = b"".join(contents_of(packed(file_of(ZONES))))
    with pytest.raises(ValueError, match="contents of a version"):
        list(zones_in([contents[: int(kept * len(contents))]]))


def test_zones_are_kept_smaller_than_they_are() -> None:
    zones = packed(file_of([ed269_zone(f"Z{number}") for number in range(200)]))
    assert sum(map(len, contents_of(zones))) < sum(len(zone.event) for zone in zones) / 4
