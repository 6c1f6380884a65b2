"""Zones outside of their authority's area, and those whose axes are swapped, are warned about."""

from __future__ import annotations

from collections.abc import Sequence

from lowsky.airspace.domain.area import Area, AreaPolygon
from lowsky.airspace.imports.outlying_warning import outlying_notes
from tests.support.packed_zones import prepared
from tests.support.zone_files import ed269_zone, file_of, square

# A corner of Switzerland: longitudes 8 to 9, latitudes 47 to 48, without its north-east half.
AREA = Area.of((AreaPolygon(((8.0, 47.0), (9.0, 47.0), (8.0, 48.0))),))


def notes(**places: tuple[float, float]) -> dict[str, str]:
    zones = [ed269_zone(name, square(west, south, 0.1)) for name, (west, south) in places.items()]
    with prepared(file_of(zones)) as new:
        return {note.reason: note.message for note in outlying_notes(new.zones, "authorities/own", AREA)}


def test_zones_in_the_area_and_on_its_border_are_no_reason_to_warn() -> None:
    assert notes(within=(8.1, 47.1), border=(8.45, 47.5), corner=(7.95, 46.95)) == {}


def test_zones_outside_are_named_with_the_area_that_they_are_not_in() -> None:
    found = notes(within=(8.1, 47.1), far=(20.0, 10.0), beside=(8.9, 47.9))
    assert list(found) == ["OUTSIDE_AREA"]
    assert found["OUTSIDE_AREA"].startswith("2 of 3 zones (far, beside) lie outside of the area of authorities/own")


def test_a_zone_whose_box_reaches_into_the_area_and_whose_outline_does_not_is_outside() -> None:
    triangle = [(8.6, 47.6), (8.6, 47.2), (8.9, 47.2)]
    assert _reasons(triangle) == []
    assert _reasons([(8.45, 47.75), (8.9, 47.75), (8.9, 47.15)]) == ["OUTSIDE_AREA"]


def _reasons(ring: Sequence[tuple[float, float]]) -> list[str]:
    with prepared(file_of([ed269_zone("Z", [*ring, ring[0]])])) as new:
        return [note.reason for note in outlying_notes(new.zones, "authorities/own", AREA)]


def test_zones_that_would_lie_in_the_area_with_their_axes_exchanged_are_told_from_those_outside() -> None:
    found = notes(swapped=(47.2, 8.2), far=(20.0, 10.0))
    assert found["AXES_SWAPPED"].startswith(
        "1 of 2 zones (swapped) lie outside of the area of authorities/own, but inside with "
    )
    assert found["OUTSIDE_AREA"].startswith("1 of 2 zones (far)")


def test_a_note_names_the_first_few() -> None:
    found = notes(**{f"z{n}": (20.0, 10.0 + n) for n in range(12)})
    assert "(z0, z1, z2, z3, z4, z5, z6, z7, z8, z9 and 2 more)" in found["OUTSIDE_AREA"]
