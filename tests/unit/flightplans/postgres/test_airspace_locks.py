"""Keys of locks: who may overlap meets in one that somebody has alone, and who cannot does not wait."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from lowsky.flightplans.postgres.airspace_locks import BAND_M, LOCKS_MAX, lock_counts, locks_of
from lowsky.flightplans.submission.commit import _portions
from lowsky.geo.heights.altitude import AltitudeBand, Datum, VerticalReference
from lowsky.geo.volumes.nodes import Cover
from lowsky.geo.volumes.volumes import Volume4D, Volumes
from tests.unit.geo.encounters import HOUR, covered, encounters, references

FLAT = VerticalReference(10, 10)


def held(
    lower_m: float, upper_m: float, *, west: float = 0.001, size: float = 0.001, start: float = 0, datum: str = "AGL"
) -> Cover:
    band = AltitudeBand(lower_m, Datum(datum), upper_m, Datum(datum))
    outline = shapely.box(west, 0.001, west + size, 0.001 + size)
    return covered(Volumes.of([[Volume4D(outline, band, HOUR + start, HOUR + start + 60)]]), FLAT)


def wait(ours: Cover, theirs: Cover) -> bool:
    (our_keys, ours_alone), (their_keys, theirs_alone) = locks_of(ours), locks_of(theirs)
    _, a, b = np.intersect1d(our_keys, their_keys, assume_unique=True, return_indices=True)
    return bool((ours_alone[a] | theirs_alone[b]).any())


@pytest.mark.parametrize(
    ("theirs", "waits"),
    [
        (held(20, 40), True),
        (held(40, 60), True),
        (held(BAND_M, 80), False),  # another band
        (held(55, 80, datum="AMSL"), True),  # from 45 m above ground
        (held(60, 90, datum="AMSL"), False),
        (held(0, 400), True),  # so many bands that it takes the whole node
        (held(20, 40, start=300), False),  # another slice
        (held(20, 40, west=0.021), False),  # another cell
        (held(20, 40, size=3.0), True),  # areas
        (held(5_000, 6_000, size=3.0), True),  # areas have no bands
        (held(20_000, 20_010), False),
        (held(-100, 30), True),
    ],
)
def test_flights_wait_for_each_other_where_node_and_band_are_the_same(theirs: Cover, waits: bool) -> None:
    ours = held(20, 49.9)
    assert wait(ours, theirs) is waits
    assert wait(theirs, ours) is waits


def test_a_volume_whose_floor_lies_above_its_ceiling_takes_locks_too() -> None:
    band = AltitudeBand(150, Datum.AGL, 0, Datum.AMSL)
    cover = covered(Volumes.of([[Volume4D(shapely.box(0, 0, 0.001, 0.001), band, HOUR, HOUR + 60)]]), FLAT)
    assert len(locks_of(cover)[0]) == lock_counts(cover, 1).sum() > 0


def test_an_aircraft_has_a_key_of_its_own_that_no_airspace_has() -> None:
    fleet = [f"operators/acme/aircraft/a{n}" for n in range(200)]
    cover = held(20, 40)
    airspace, _ = locks_of(cover)
    keys, alone = locks_of(cover, [*fleet, fleet[0]])
    assert (np.diff(keys) > 0).all()
    assert len(keys) == len(airspace) + len(fleet)
    assert np.isin(airspace, keys).all()
    assert (keys[: len(fleet)] < 0).all()
    assert alone[: len(fleet)].all()
    assert locks_of(cover, fleet[3:4])[0][0] in keys


def test_flights_at_any_height_above_the_highest_band_wait_for_each_other() -> None:
    assert wait(held(20_000, 20_010), held(90_000, 90_010))


@settings(max_examples=200, deadline=None)
@given(st.lists(encounters(), min_size=1, max_size=3), references())
def test_keys_ascend_and_are_no_more_than_was_counted(pairs: list, reference: VerticalReference) -> None:  # type: ignore[type-arg]
    plans = [plan for pair in pairs for plan in pair]
    cover = covered(Volumes.of(plans), reference)
    keys, alone = locks_of(cover)
    counts = lock_counts(cover, len(plans))
    assert (np.diff(keys) > 0).all()
    assert len(keys) == len(alone) <= counts.sum()
    for place in range(len(plans)):
        own, own_alone = locks_of(cover.of_owners([place]))
        assert len(own) <= counts[place]
        # What a plan has alone by itself, its batch has alone too.
        assert np.isin(own[own_alone], keys[alone]).all()
        assert np.isin(own, keys).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(encounters(), min_size=1, max_size=4))
def test_a_batch_of_many_locks_is_stored_in_portions_that_keep_its_order(pairs: list) -> None:  # type: ignore[type-arg]
    plans = [plan for pair in pairs for plan in pair]
    cover = covered(Volumes.of(plans), FLAT)
    counts = lock_counts(cover, len(plans))
    portions = list(_portions(cover, len(plans)))
    assert [place for portion in portions for place in portion] == list(range(len(plans)))
    for portion in portions:
        assert len(portion) == 1 or counts[list(portion)].sum() <= LOCKS_MAX
