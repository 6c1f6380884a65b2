"""Who decides for a zone, given what is published and who is registered."""

from __future__ import annotations

import pytest
from shapely import box

from lowsky.airspace.domain.deciding_authorities import Directory, Remark, resolve
from lowsky.geo.heights.altitude import AltitudeBand, Datum
from lowsky.geo.zones.geozone import Geozone, Layer, LocalizedText, Purpose, Restriction, ZoneAuthority

OWN = "authorities/own"
DIRECTORY = Directory.of(
    [
        (OWN, "Our Office"),
        ("authorities/tower", "Tower Vienna"),
        ("authorities/a", "Twice"),
        ("authorities/b", "twice"),
    ],
    {"ATC": "authorities/tower", "Tower Vienna": "authorities/mapped"},
    OWN,
    "Our Office",
)


def named(name: str, purpose: Purpose = Purpose.AUTHORIZATION, *more: str) -> ZoneAuthority:
    return ZoneAuthority(tuple(LocalizedText(text) for text in (name, *more)), purpose)


def zone(restriction: Restriction, *authorities: ZoneAuthority) -> Geozone:
    layer = Layer(box(16.0, 48.0, 16.1, 48.1), AltitudeBand(0.0, Datum.AGL, 120.0, Datum.AGL))
    return Geozone("Z", "AUT", (), restriction, (layer,), authorities=authorities)


def deciding(zone: Geozone) -> list[str | None]:
    return [authority.authority for authority in resolve(zone, DIRECTORY)[0].authorities_for(Purpose.AUTHORIZATION)]


def remarked(zone: Geozone) -> list[str]:
    return [remark.reason for remark in resolve(zone, DIRECTORY)[1]]


@pytest.mark.parametrize(
    ("name", "authority"),
    [
        ("ATC", "authorities/tower"),
        ("  atc ", "authorities/tower"),
        ("our   OFFICE", OWN),
        ("Tower Vienna", "authorities/mapped"),  # what the publisher says goes before display names
        ("Twice", None),  # two bear it
        ("ATC 2", None),
        ("", None),
    ],
)
def test_a_name_is_found_whatever_its_case_and_spaces(name: str, authority: str | None) -> None:
    assert DIRECTORY.find(named(name)) == authority


def test_a_name_is_found_in_any_of_its_languages() -> None:
    assert DIRECTORY.find(named("Flugsicherung", Purpose.AUTHORIZATION, "ATC")) == "authorities/tower"


@pytest.mark.parametrize("restriction", [Restriction.REQ_AUTHORIZATION, Restriction.CONDITIONAL])
def test_a_zone_that_needs_a_decision_and_names_nobody_is_decided_by_the_datasets_authority(
    restriction: Restriction,
) -> None:
    found, remarks = resolve(zone(restriction), DIRECTORY)
    (authority,) = found.authorities
    assert (authority.authority, authority.purpose) == (OWN, Purpose.AUTHORIZATION)
    assert authority.names == (LocalizedText("Our Office"),)
    assert [remark.reason for remark in remarks] == ["AUTHORITY_DEFAULTED"]


@pytest.mark.parametrize("restriction", [Restriction.PROHIBITED, Restriction.NO_RESTRICTION, Restriction.USPACE])
def test_a_zone_that_needs_no_decision_gets_nobody(restriction: Restriction) -> None:
    asked = zone(restriction, named("ATC", Purpose.NOTIFICATION))
    assert (deciding(asked), remarked(asked)) == ([], [])


def test_u_space_is_decided_only_where_it_names_somebody() -> None:
    assert deciding(zone(Restriction.USPACE, named("ATC"))) == ["authorities/tower"]
    assert deciding(zone(Restriction.USPACE, named("Club"))) == [None, OWN]


def test_those_who_are_registered_decide_alone() -> None:
    asked = zone(Restriction.REQ_AUTHORIZATION, named("ATC"), named("Our office"))
    assert (deciding(asked), remarked(asked)) == (["authorities/tower", OWN], [])


def test_for_each_one_who_is_not_registered_the_datasets_authority_stands_in_beside_the_others() -> None:
    asked = zone(Restriction.REQ_AUTHORIZATION, named("ATC"), named("Club"), named("Forest"))
    assert deciding(asked) == ["authorities/tower", None, None, OWN]
    assert remarked(asked) == ["AUTHORITY_NOT_REGISTERED", "AUTHORITY_NOT_REGISTERED", "AUTHORITY_DEFAULTED"]


def test_the_datasets_authority_is_never_named_twice() -> None:
    asked = zone(Restriction.REQ_AUTHORIZATION, named("Our Office"), named("Club"))
    assert deciding(asked) == [OWN, None]


def test_being_told_is_not_deciding() -> None:
    asked = zone(Restriction.REQ_AUTHORIZATION, named("ATC", Purpose.NOTIFICATION), named("X", Purpose.INFORMATION))
    assert deciding(asked) == [OWN]


def test_who_is_not_registered_is_named_with_its_place() -> None:
    asked = zone(Restriction.PROHIBITED, named("ATC", Purpose.NOTIFICATION), named("Club", Purpose.NOTIFICATION))
    found, remarks = resolve(asked, DIRECTORY)
    assert remarks == (
        Remark("AUTHORITY_NOT_REGISTERED", "zoneAuthority[1].name", "no registered authority is known as Club"),
    )
    assert [authority.authority for authority in found.authorities] == ["authorities/tower", None]
