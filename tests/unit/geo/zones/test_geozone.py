"""What a geozone must have."""

from __future__ import annotations

import pytest
from shapely import box

from lowsky.geo.heights.altitude import AltitudeBand, Datum
from lowsky.geo.zones.geozone import Geozone, Layer, LocalizedText, Purpose, Restriction, ZoneAuthority

LAYER = Layer(box(8, 47, 9, 48), AltitudeBand(0, Datum.AGL, 120, Datum.AGL))


def test_a_geozone_without_identifier_or_layer_cannot_be() -> None:
    with pytest.raises(ValueError, match="identifier"):
        Geozone(" ", "CHE", (), Restriction.PROHIBITED, (LAYER,))
    with pytest.raises(ValueError, match="no layer"):
        Geozone("Z", "CHE", (), Restriction.PROHIBITED, ())


def test_authorities_are_found_by_why_they_are_named() -> None:
    tower = ZoneAuthority((LocalizedText("Tower", "en"),), Purpose.AUTHORIZATION)
    police = ZoneAuthority((LocalizedText("Polizei", "de-CH"),), Purpose.NOTIFICATION)
    zone = Geozone("Z", "CHE", (), Restriction.REQ_AUTHORIZATION, (LAYER,), authorities=(tower, police))
    assert zone.authorities_for(Purpose.AUTHORIZATION) == (tower,)
    assert zone.authorities_for(Purpose.NOTIFICATION) == (police,)
    assert zone.authorities_for(Purpose.INFORMATION) == ()


def test_restrictions_are_spelled_as_ed_318_spells_them() -> None:
    assert [restriction.value for restriction in Restriction] == [
        "PROHIBITED",
        "REQ_AUTHORIZATION",
        "CONDITIONAL",
        "USPACE",
        "NO_RESTRICTION",
    ]
