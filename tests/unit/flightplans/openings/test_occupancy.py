"""How full a volume is: against every layer and every held volume, one by one."""

from __future__ import annotations

import math
from itertools import pairwise
from uuid import UUID

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

import lowsky.flightplans.openings.occupancy
from lowsky.errors import Invalid
from lowsky.flightplans.openings.nearby_reservations import Near, TooManyFlights
from lowsky.flightplans.openings.occupancy import LAYERS_MAX, busy_layers, gaps, layers, merged
from lowsky.geo.heights.altitude import AltitudeBand, Datum, VerticalReference
from lowsky.geo.volumes.volumes import Volume4D, Volumes
from tests.unit.flightplans.flights import START, box_volume, square
from tests.unit.geo.encounters import REFERENCES, encounters
from tests.unit.geo.volumes.test_stored_volumes import meeting

FLAT = VerticalReference(0, 0, 0, 0)
HERE = square((113.5, 22.0))
START_S = START.timestamp()


def band(lower_m: float, upper_m: float) -> AltitudeBand:
    return AltitudeBand(lower_m, Datum.AGL, upper_m, Datum.AGL)


def near(*plans: list[Volume4D], place: int = 0) -> list[Near]:
    return [Near(place, UUID(int=n), Volumes.of([plan])) for n, plan in enumerate(plans)]


def has_layers(volume: Volume4D) -> bool:
    altitude = volume.altitude
    return altitude.lower_datum is altitude.upper_datum and math.isfinite(altitude.lower_m + altitude.upper_m)


@settings(max_examples=60, deadline=None)
@given(encounters(), st.sampled_from(REFERENCES), st.sampled_from([10.0, 30.0, 70.0]))
def test_a_layer_is_busy_while_any_held_volume_meets_it_and_free_otherwise(
    pair: tuple[list[Volume4D], list[Volume4D]], reference: VerticalReference, height_m: float
) -> None:
    asked = [volume for volume in pair[0] if has_layers(volume)]
    held = pair[1]
    cut = [layers(volume.altitude, height_m, "") for volume in asked]
    rows = [Near(place, UUID(int=1), Volumes.of([held])) for place in range(len(asked))]
    found = busy_layers(asked, cut, rows, reference)
    assert [len(its) for its in found] == [len(its) for its in cut]
    for volume, its in zip(asked, found, strict=True):
        for layer in its:
            whole = Volume4D(volume.outline, layer.altitude, volume.start_s, volume.end_s)
            meets = [other for other in held if meeting(whole, other, reference)]
            event(f"meets {bool(meets)}")
            ends = sorted({whole.start_s, whole.end_s, *(t for o in meets for t in (o.start_s, o.end_s))})
            for moment in [t for t in ends if whole.start_s <= t < whole.end_s]:
                busy = any(other.start_s <= moment < other.end_s for other in meets)
                assert any(start <= moment < end for start, end in layer.busy) is busy
                assert any(start <= moment < end for start, end in layer.free) is not busy
            parts = sorted([*layer.free, *layer.busy])
            assert (parts[0][0], parts[-1][1]) == (whole.start_s, whole.end_s)
            assert all(a[1] == b[0] for a, b in pairwise(parts))
            assert all(a[1] < b[0] for a, b in pairwise(layer.busy))


def test_flights_one_after_the_other_are_one_busy_interval() -> None:
    asked = [box_volume(HERE, band(0, 100), minutes=60)]
    flights = [
        [box_volume(HERE, band(40, 50), START, minutes=10)],
        [Volume4D(HERE, band(45, 60), START_S + 600, START_S + 900)],
    ]
    (found,) = busy_layers(asked, [layers(band(0, 100), 50, "")], near(*flights), FLAT)
    assert found[0].busy == ((START_S, START_S + 900),)
    assert found[1].busy == ((START_S + 600, START_S + 900),)


def test_an_answer_that_would_be_too_much_is_refused_and_not_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [box_volume(HERE, band(0, 100), minutes=60)]
    cut, flights = [layers(band(0, 100), 50, "")], near([box_volume(HERE, band(0, 90))])
    for limit in ("PAIRS_MAX", "INTERVALS_MAX"):
        with monkeypatch.context() as patch:
            patch.setattr(lowsky.flightplans.openings.occupancy, limit, 1)
            with pytest.raises(TooManyFlights):
                busy_layers(asked, cut, flights, FLAT)
    assert busy_layers(asked, cut, flights, FLAT)


@given(st.integers(-100, 500), st.integers(0, 600), st.floats(10, 200))
def test_layers_make_up_the_whole_band_and_none_is_thicker_than_asked(low: int, high: int, height_m: float) -> None:
    made = layers(band(low, low + high), height_m, "")
    assert (made[0].lower_m, made[-1].upper_m) == (low, low + high)
    assert all(a.upper_m == b.lower_m for a, b in pairwise(made))
    assert all(each.upper_m - each.lower_m <= height_m * (1 + 1e-6) for each in made)


@pytest.mark.parametrize(
    ("altitude", "reason"),
    [
        (AltitudeBand(-math.inf, Datum.AGL, 100, Datum.AGL), "INVALID_FIELD"),
        (AltitudeBand(0, Datum.AGL, math.inf, Datum.AGL), "INVALID_FIELD"),
        (AltitudeBand(0, Datum.AGL, 100, Datum.AMSL), "INVALID_FIELD"),
        (band(0, 30 * LAYERS_MAX + 1), "TOO_LARGE"),
    ],
)
def test_a_band_that_has_no_layers_or_too_many_is_refused_by_its_field(altitude: AltitudeBand, reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        layers(altitude, 30, "volumes.volumes[3].altitude")
    assert refused.value.reason == reason
    assert refused.value.fields[0].field == "volumes.volumes[3].altitude"
    assert len(layers(band(0, 30 * LAYERS_MAX), 30, "")) == LAYERS_MAX


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 5)), min_size=1, max_size=8))
def test_merged_intervals_and_the_gaps_between_them_cover_the_window_once(made: list[tuple[int, int]]) -> None:
    starts, lengths = np.array(made, dtype=float).T
    busy = merged(starts, starts + lengths)
    free = list(gaps(busy, 0.0, 25.0))
    for moment in np.arange(0, 25, 0.5):
        taken = bool(((starts <= moment) & (moment < starts + lengths)).any())
        assert any(start <= moment < end for start, end in busy) is taken
        assert any(start <= moment < end for start, end in free) is not taken
    assert all(a[1] < b[0] for a, b in pairwise(busy))


@pytest.mark.parametrize("height_m", [5e-324, 1e-300, 1e-9, 100 / 64.5])
def test_layers_too_thin_to_be_counted_are_refused(height_m: float) -> None:
    with pytest.raises(Invalid) as refusal:
        layers(band(0, 100), height_m, "volumes.volumes[0].altitude")
    assert refusal.value.reason == "TOO_LARGE"
    assert [violation.field for violation in refusal.value.fields] == ["volumes.volumes[0].altitude"]
