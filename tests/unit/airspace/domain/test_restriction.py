"""Limits of a temporary restriction, both sides of each, with the field named."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest

from lowsky.airspace.domain.restriction import (
    AHEAD_MAX,
    DURATION_MAX,
    IN_FORCE_MAX,
    Window,
    authority_of,
    dataset_of,
    require_band,
    require_room,
    require_window,
)
from lowsky.errors import Invalid, NotFound, Precondition
from lowsky.geo.heights.altitude import AltitudeBand, Datum

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [
        (NOW - SECOND, NOW + SECOND, None),
        (NOW - SECOND, NOW, "volume.time_end"),
        (NOW + SECOND, NOW + SECOND, "volume.time_end"),
        (NOW + 2 * SECOND, NOW + SECOND, "volume.time_end"),
        (NOW, NOW + DURATION_MAX, None),
        (NOW, NOW + DURATION_MAX + SECOND, "volume.time_end"),
        (NOW + AHEAD_MAX, NOW + AHEAD_MAX + SECOND, None),
        (NOW + AHEAD_MAX + SECOND, NOW + AHEAD_MAX + 2 * SECOND, "volume.time_start"),
    ],
)
def test_a_time_runs_forward_ends_later_and_not_too_late(start: datetime, end: datetime, field: str | None) -> None:
    if field is None:
        require_window(Window(start, end), NOW)
        return
    with pytest.raises(Invalid) as raised:
        require_window(Window(start, end), NOW)
    assert [violation.field for violation in raised.value.fields] == [field]


@pytest.mark.parametrize(
    ("lower_m", "lower", "upper_m", "upper", "field"),
    [
        (0, Datum.AGL, 120, Datum.AGL, None),
        (-math.inf, Datum.AGL, math.inf, Datum.AGL, None),
        (120, Datum.AGL, 100, Datum.AMSL, None),
        (120, Datum.AGL, 120, Datum.AGL, "volume.altitude.upper_m"),
        (0, Datum.TAKEOFF, 120, Datum.AGL, "volume.altitude.lower_datum"),
        (0, Datum.AGL, 120, Datum.TAKEOFF, "volume.altitude.upper_datum"),
    ],
)
def test_altitudes_rise_and_have_a_datum_that_a_zone_has(
    lower_m: float, lower: Datum, upper_m: float, upper: Datum, field: str | None
) -> None:
    band = AltitudeBand(lower_m, lower, upper_m, upper)
    if field is None:
        require_band(band)
        return
    with pytest.raises(Invalid) as raised:
        require_band(band)
    assert [violation.field for violation in raised.value.fields] == [field]


def test_the_name_of_a_restriction_says_whose_it_is() -> None:
    assert dataset_of("authorities/tower-1") == "datasets/restrictions-tower-1"
    assert authority_of("geozones/restrictions-tower-1.0197-x.y") == "authorities/tower-1"


@pytest.mark.parametrize("name", ["geozones/at-austrocontrol.LOWW1", "geozones/restrictions-tower", "geozones/x"])
def test_a_published_zone_is_no_restriction(name: str) -> None:
    with pytest.raises(NotFound):
        authority_of(name)


def test_an_authority_has_so_many_restrictions_and_no_more() -> None:
    require_room("authorities/a", IN_FORCE_MAX - 1)
    with pytest.raises(Precondition) as raised:
        require_room("authorities/a", IN_FORCE_MAX)
    assert raised.value.reason == "TOO_MANY_RESTRICTIONS"
