"""Aircraft: the class of Art. 62 at both sides of each edge, and the few moves there are."""

from __future__ import annotations

import dataclasses
import math
from datetime import UTC, datetime, timedelta

import pytest

from lowsky.errors import IllegalMove, StaleEtag
from lowsky.registration.domain.aircraft import Aircraft, AircraftProfile, AircraftState, Category, EuClass
from lowsky.registration.identifiers.identifier import Identifier, Scope

THEN = datetime(2026, 11, 24, 8, tzinfo=UTC)
NOW = THEN + timedelta(minutes=1)

SERIAL = Identifier("cta-2063-a", "TSTA1B")
MARK = Identifier("cn-real-name-registration", "UAS00000003")

MICRO = AircraftProfile(
    manufacturer="Test Aerospace",
    model="T1",
    empty_mass_kg=0.2,
    max_takeoff_mass_kg=0.24,
    max_speed_mps=10.0,
    max_height_m=50.0,
    eu_class=EuClass.UNSPECIFIED,
)
LIGHT = dataclasses.replace(MICRO, empty_mass_kg=3.0, max_takeoff_mass_kg=6.0, max_speed_mps=20.0, max_height_m=None)
SMALL = dataclasses.replace(LIGHT, empty_mass_kg=12.0, max_takeoff_mass_kg=24.0, max_speed_mps=40.0)
MEDIUM = dataclasses.replace(SMALL, empty_mass_kg=80.0, max_takeoff_mass_kg=120.0)


def above(value: float) -> float:
    return math.nextafter(value, math.inf)


def below(value: float) -> float:
    return math.nextafter(value, -math.inf)


def an_aircraft() -> Aircraft:
    return Aircraft(
        name="operators/a/aircraft/b",
        identifiers=(SERIAL,),
        profile=LIGHT,
        create_time=THEN,
        update_time=THEN,
        happened=[],
    )


@pytest.mark.parametrize(
    ("profile", "changes", "category"),
    [
        (MICRO, {}, Category.MICRO),
        (MICRO, {"empty_mass_kg": below(0.25)}, Category.MICRO),
        (MICRO, {"empty_mass_kg": 0.25}, Category.LIGHT),
        (MICRO, {"max_height_m": 50.0}, Category.MICRO),
        (MICRO, {"max_height_m": above(50.0)}, Category.LIGHT),
        (MICRO, {"max_height_m": None}, Category.LIGHT),
        (MICRO, {"max_speed_mps": 40 / 3.6}, Category.MICRO),
        (MICRO, {"max_speed_mps": above(40 / 3.6)}, Category.LIGHT),
        (LIGHT, {}, Category.LIGHT),
        (LIGHT, {"empty_mass_kg": 4.0}, Category.LIGHT),
        (LIGHT, {"empty_mass_kg": above(4.0)}, Category.SMALL),
        (LIGHT, {"max_takeoff_mass_kg": 7.0}, Category.LIGHT),
        (LIGHT, {"max_takeoff_mass_kg": above(7.0)}, Category.SMALL),
        (LIGHT, {"max_speed_mps": 100 / 3.6}, Category.LIGHT),
        (LIGHT, {"max_speed_mps": above(100 / 3.6)}, Category.SMALL),
        (SMALL, {}, Category.SMALL),
        (SMALL, {"empty_mass_kg": 15.0}, Category.SMALL),
        (SMALL, {"empty_mass_kg": above(15.0)}, Category.MEDIUM),
        (SMALL, {"max_takeoff_mass_kg": 25.0}, Category.SMALL),
        (SMALL, {"max_takeoff_mass_kg": above(25.0)}, Category.MEDIUM),
        (MEDIUM, {}, Category.MEDIUM),
        (MEDIUM, {"max_takeoff_mass_kg": 150.0}, Category.MEDIUM),
        (MEDIUM, {"max_takeoff_mass_kg": above(150.0)}, Category.LARGE),
        # The lightest airframe that flies like a fast one is no light aircraft, but a small one.
        (MICRO, {"max_speed_mps": 60.0}, Category.SMALL),
    ],
)
def test_the_class_changes_exactly_at_its_limits(
    profile: AircraftProfile, changes: dict[str, float | None], category: Category
) -> None:
    assert dataclasses.replace(profile, **changes).category is category  # type: ignore[arg-type]  # of numbers only


def test_an_aircraft_belongs_to_the_operator_in_its_name() -> None:
    assert an_aircraft().operator == "operators/a"


def test_an_update_is_told_and_makes_a_new_version() -> None:
    aircraft = an_aircraft()
    aircraft.update(SMALL, (MARK, SERIAL), NOW)
    assert (aircraft.profile, aircraft.update_time, aircraft.happened) == (SMALL, NOW, ["updated"])
    assert aircraft.identifiers == (MARK, SERIAL)
    assert (aircraft.create_time, aircraft.etag) == (THEN, "2")


def test_a_retired_aircraft_stays_so_and_changes_no_more() -> None:
    aircraft = an_aircraft()
    aircraft.retire(NOW)
    assert (aircraft.state, aircraft.happened) == (AircraftState.RETIRED, ["retired"])
    with pytest.raises(IllegalMove):
        aircraft.retire(NOW)
    with pytest.raises(IllegalMove):
        aircraft.update(SMALL, (MARK, SERIAL), NOW)
    assert aircraft.identifiers == (SERIAL,)
    assert (aircraft.profile, aircraft.etag, aircraft.happened) == (LIGHT, "2", ["retired"])


@pytest.mark.parametrize("etag", ["", "1"])
def test_no_etag_or_the_present_one_is_as_expected(etag: str) -> None:
    an_aircraft().expect(etag)


@pytest.mark.parametrize("etag", ["0", "2", "01", "x"])
def test_any_other_etag_is_stale(etag: str) -> None:
    with pytest.raises(StaleEtag):
        an_aircraft().expect(etag)


@pytest.mark.parametrize(
    ("manufacturer", "same"),
    [
        ("Test Aerospace", True),
        (" test\tAEROSPACE ", True),
        ("\N{FULLWIDTH LATIN CAPITAL LETTER T}est Aerospace", True),
        ("TestAerospace", False),
        ("Test Aerospace Ltd", False),
    ],
)
def test_a_makers_own_number_is_unique_within_the_maker_however_its_name_is_typed(
    manufacturer: str, same: bool
) -> None:
    own = Identifier("manufacturer-serial", "1", Scope.MANUFACTURER)
    one, other = an_aircraft(), an_aircraft()
    other.profile = dataclasses.replace(LIGHT, manufacturer=manufacturer)
    assert (one.scope_of(own) == other.scope_of(own)) is same
    assert one.scope_of(SERIAL) == other.scope_of(SERIAL) == ""
