"""In what a zone protects less than it did: what cannot be shown to be kept counts as lost."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import shapely

from lowsky.airspace.domain.protection import Loss, losses
from lowsky.geo.heights.altitude import AltitudeBand, Datum
from lowsky.geo.schedules.applicability import Applicability, Daily, Period
from lowsky.geo.shapes.centre_lines import CentreLine
from lowsky.geo.shapes.circles import circle as circle_outline
from lowsky.geo.zones.geozone import Geozone, Layer, LocalizedText, Purpose, Restriction, ZoneAuthority

NOW = datetime(2026, 5, 1, tzinfo=UTC)
AGL, AMSL = Datum.AGL, Datum.AMSL
R = Restriction


def band(lower_m: float = 0, upper_m: float = 120, datum: Datum = AGL) -> AltitudeBand:
    return AltitudeBand(lower_m, datum, upper_m, datum)


def layer(west: float = 16.0, east: float = 16.1, altitude: AltitudeBand | None = None) -> Layer:
    return Layer(shapely.box(west, 48.0, east, 48.1), altitude or band())


def authority(
    name: str | None = "authorities/tower", purpose: Purpose = Purpose.AUTHORIZATION, hours: int = 0
) -> ZoneAuthority:
    before = timedelta(hours=hours) if hours else None
    return ZoneAuthority((LocalizedText("Tower"),), purpose, interval_before=before, authority=name)


ZONE = Geozone("Z", "AUT", (LocalizedText("Zone"),), R.REQ_AUTHORIZATION, (layer(),), authorities=(authority(),))


def at(day: int, month: int = 6) -> datetime:
    return datetime(2026, month, day, tzinfo=UTC)


def periods(*found: Period) -> Applicability:
    return Applicability(found)


MORNING = Daily(frozenset({1}), 8 * 3600, 10 * 3600)
NOON = Daily(frozenset({1}), 11 * 3600, 13 * 3600)
JUNE, JULY = Period(at(1), at(1, 7)), Period(at(1, 7), at(1, 8))
OVER = Period(at(1, 3), at(1, 4))


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        # Ground
        ({}, {"layers": (layer(16.0, 16.2),)}, []),
        ({}, {"layers": (layer(16.0, 16.05), layer(16.05, 16.1))}, []),
        ({}, {"layers": (layer(16.0000001, 16.1),)}, [Loss.EXTENT]),
        ({}, {"layers": (layer(16.0, 16.04), layer(16.05, 16.1))}, [Loss.EXTENT]),
        # Heights
        ({}, {"layers": (layer(altitude=band(0, 121)),)}, []),
        ({}, {"layers": (layer(altitude=band(-math.inf, math.inf)),)}, []),
        ({}, {"layers": (layer(altitude=band(0, 60)), layer(altitude=band(60, 120)))}, []),
        ({}, {"layers": (layer(altitude=band(0, 60)), layer(altitude=band(61, 120)))}, [Loss.ALTITUDE]),
        ({}, {"layers": (layer(altitude=band(0, 119)),)}, [Loss.ALTITUDE]),
        ({}, {"layers": (layer(altitude=band(1, 120)),)}, [Loss.ALTITUDE]),
        ({}, {"layers": (layer(altitude=band(0, 9000, AMSL)),)}, [Loss.ALTITUDE]),
        ({}, {"layers": (layer(16.0, 16.05), layer(16.05, 16.2, band(0, 60)))}, [Loss.ALTITUDE]),
        ({}, {"layers": (layer(16.0, 16.05, band(0, 60)),)}, [Loss.EXTENT, Loss.ALTITUDE]),
        ({"terrain_m": (100, 200)}, {}, []),
        ({"terrain_m": (100, 200)}, {"terrain_m": (90, 200)}, []),
        ({}, {"terrain_m": (100, 200)}, [Loss.ALTITUDE]),
        ({"terrain_m": (100, 200)}, {"terrain_m": (110, 200)}, [Loss.ALTITUDE]),
        # Times
        ({"applicability": periods(JUNE)}, {}, []),
        ({}, {"applicability": periods(Period(NOW))}, [Loss.TIMES]),
        ({"applicability": periods(JUNE)}, {"applicability": periods(Period(at(1), None))}, []),
        ({"applicability": periods(JUNE)}, {"applicability": periods(Period(at(1), at(30)))}, [Loss.TIMES]),
        ({"applicability": periods(JUNE, JULY)}, {"applicability": periods(JUNE)}, [Loss.TIMES]),
        ({"applicability": periods(Period(at(1), at(1, 8)))}, {"applicability": periods(JULY, JUNE)}, []),
        ({"applicability": periods(OVER, JUNE)}, {"applicability": periods(JUNE)}, []),
        ({"applicability": periods(OVER)}, {"restriction": R.NO_RESTRICTION}, []),
        (
            {"applicability": periods(replace(JUNE, schedule=(MORNING,)))},
            {"applicability": periods(replace(JUNE, schedule=(MORNING, NOON)))},
            [],
        ),
        (
            {"applicability": periods(replace(JUNE, schedule=(MORNING, NOON)))},
            {"applicability": periods(replace(JUNE, schedule=(NOON,)))},
            [Loss.TIMES],
        ),
        ({"applicability": periods(JUNE)}, {"applicability": periods(replace(JUNE, schedule=(NOON,)))}, [Loss.TIMES]),
        # Restriction, conditions, exemption
        ({"restriction": R.PROHIBITED}, {}, [Loss.RESTRICTION]),
        ({"restriction": R.PROHIBITED}, {"restriction": R.CONDITIONAL}, [Loss.RESTRICTION]),
        ({}, {"restriction": R.CONDITIONAL}, [Loss.RESTRICTION]),
        ({}, {"restriction": R.USPACE}, [Loss.RESTRICTION]),
        ({"restriction": R.USPACE}, {}, [Loss.RESTRICTION]),
        ({}, {"restriction": R.NO_RESTRICTION}, [Loss.RESTRICTION]),
        ({}, {"restriction": R.PROHIBITED, "authorities": ()}, []),
        ({"restriction": R.CONDITIONAL}, {}, []),
        ({}, {"variant": "CUSTOMIZED"}, [Loss.RESTRICTION]),
        ({}, {"conditions": "below 50 m"}, []),
        ({"conditions": "below 50 m"}, {}, [Loss.CONDITIONS]),
        ({"conditions": "below 50 m"}, {"conditions": "below 500 m"}, [Loss.CONDITIONS]),
        ({"conditions": "below 50 m"}, {"restriction": R.PROHIBITED}, []),
        ({}, {"regulation_exemption": True}, [Loss.EXEMPTION]),
        ({"regulation_exemption": True}, {"regulation_exemption": False}, []),
        # Authorities
        ({}, {"authorities": (authority(), authority("authorities/port"))}, []),
        ({"authorities": (authority(), authority("authorities/port"))}, {}, [Loss.AUTHORITIES]),
        ({}, {"authorities": ()}, [Loss.AUTHORITIES]),
        ({"authorities": ()}, {}, [Loss.AUTHORITIES]),  # nobody could allow it
        ({"authorities": (authority(None),)}, {}, [Loss.AUTHORITIES]),
        ({"authorities": (authority(hours=24),)}, {"authorities": (authority(hours=48),)}, []),
        ({"authorities": (authority(hours=24),)}, {"authorities": (authority(hours=2),)}, [Loss.AUTHORITIES]),
        ({"authorities": (authority(), authority("authorities/port", Purpose.INFORMATION))}, {}, []),
        ({"authorities": (authority(), authority("authorities/port", Purpose.NOTIFICATION))}, {}, [Loss.AUTHORITIES]),
        # No change of protection
        ({}, {"names": (LocalizedText("Other"),), "reasons": ("NATURE",)}, []),
    ],
)
def test_what_a_changed_zone_no_longer_protects(
    before: dict[str, object], after: dict[str, object], lost: list[Loss]
) -> None:
    assert list(losses(replace(ZONE, **before), replace(ZONE, **after), NOW)) == lost  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        (layer(), layer(16.0, 16.2), [Loss.OPENED]),
        (layer(), layer(altitude=band(0, 150)), [Loss.OPENED]),
        (layer(), layer(16.0, 16.05), []),
        (layer(), replace(layer(), sure=shapely.box(16.0, 48.0, 16.05, 48.1)), []),
        (replace(layer(), sure=shapely.box(16.0, 48.0, 16.05, 48.1)), layer(), [Loss.OPENED]),
    ],
)
def test_a_zone_without_restriction_opens_airspace_and_protects_none(
    before: Layer, after: Layer, lost: list[Loss]
) -> None:
    free = replace(ZONE, restriction=R.NO_RESTRICTION, authorities=())
    assert list(losses(replace(free, layers=(before,)), replace(free, layers=(after,)), NOW)) == lost


@pytest.mark.parametrize(("grown_m", "lost"), [(0, []), (1, []), (-1, [Loss.EXTENT])])
def test_circles_are_compared_as_circles(grown_m: float, lost: list[Loss]) -> None:
    def circle(reach_m: float) -> Layer:
        line = CentreLine.circle(16.0, 48.0, reach_m)
        return Layer(circle_outline(16.0, 48.0, reach_m), band(), circle=line)

    assert (
        list(losses(replace(ZONE, layers=(circle(500),)), replace(ZONE, layers=(circle(500 + grown_m),)), NOW)) == lost
    )
