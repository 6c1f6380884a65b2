"""Geozones, bands and volumes survive the way over a message."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from shapely import MultiPolygon, box

from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from lowsky.geo.codec.volumes import band_from_message, band_to_message, volume_from_message
from lowsky.geo.codec.zones import DURATION_MAX, geozone_from_message, geozone_to_message
from lowsky.geo.heights.altitude import AltitudeBand, Datum
from lowsky.geo.schedules.applicability import DAY_S, Applicability, Daily, Period
from lowsky.geo.schedules.sun import SunEvent
from lowsky.geo.shapes.centre_lines import CentreLine
from lowsky.geo.shapes.circles import circle
from lowsky.geo.zones.geozone import Geozone, Layer, LocalizedText, Purpose, Restriction, ZoneAuthority

GROUND = AltitudeBand(0.0, Datum.AGL, 120.0, Datum.AGL)
START = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)


def geozone(**changes: object) -> Geozone:
    usual: dict[str, object] = {
        "identifier": "Z",
        "country": "AUT",
        "names": (),
        "restriction": Restriction.PROHIBITED,
        "layers": (Layer(box(16.0, 48.0, 16.1, 48.1), GROUND),),
    }
    return Geozone(**(usual | changes))  # type: ignore[arg-type]


EXTENT = (16.0, 1.0, 181.0, 48.1)

FULL = geozone(
    names=(LocalizedText("Zone", "en"), LocalizedText("ohne Sprache")),
    restriction=Restriction.CONDITIONAL,
    layers=(
        Layer(MultiPolygon([box(179.0, 1.0, 180.0, 2.0), box(-180.0, 1.0, -179.0, 2.0)]), GROUND),
        Layer(box(16.0, 48.0, 16.1, 48.1), AltitudeBand(-math.inf, Datum.AMSL, math.inf, Datum.WGS84)),
    ),
    applicability=Applicability(
        (
            Period(None, START),
            Period(START + timedelta(days=1), None, (Daily(frozenset({0, 6}), 79_200, 14_400, uncertain=True),)),
            Period(
                None,
                None,
                (
                    Daily(frozenset({5}), 0, 3600, zone="Europe/Berlin", start_event=SunEvent.BMCT, place=EXTENT),
                    Daily(frozenset({6}), 60, 0, end_event=SunEvent.SS, place=EXTENT),
                ),
            ),
            Period(START, START + timedelta(microseconds=1), (Daily(frozenset(range(7)), 0, DAY_S),)),
        )
    ),
    authorities=(
        ZoneAuthority(
            names=(LocalizedText("Tower", "en"),),
            purpose=Purpose.NOTIFICATION,
            service=(LocalizedText("ATC"),),
            contacts=(LocalizedText("Desk", "en"), LocalizedText("Pult", "de")),
            site_url="https://example.com",
            email="a@b.at",
            phone="1",
            interval_before=timedelta(days=5),
            authority="authorities/tower",
        ),
        ZoneAuthority(names=(), purpose=Purpose.AUTHORIZATION, interval_before=timedelta(0)),
    ),
    variant="CUSTOMIZED",
    reasons=("AIR_TRAFFIC", "X"),
    other_reasons=(LocalizedText("storks"),),
    messages=(LocalizedText("keep out", "en"),),
    conditions="by day",
    region=0,
    regulation_exemption=False,
    terrain_m=(-3.5, 120.0),
)


@pytest.mark.parametrize(
    "zone", [geozone(), FULL, *[geozone(restriction=kind) for kind in Restriction], geozone(region=-3)]
)
def test_a_geozone_comes_back_as_it_was(zone: Geozone) -> None:
    message = geozone_to_message(zone, name="geozones/a.Z", dataset="datasets/a", dataset_version=3)
    assert geozone_from_message(pb.Geozone.FromString(message.SerializeToString())) == zone


def test_what_its_publication_knows_goes_with_it() -> None:
    note = pb.ReportNote(reason="RING_NOT_CLOSED")
    message = geozone_to_message(
        FULL, name="geozones/a.Z", dataset="datasets/a", dataset_version=3, notes=[note], published_json="{}"
    )
    assert (message.name, message.dataset, message.dataset_version) == ("geozones/a.Z", "datasets/a", 3)
    assert (list(message.notes), message.published_json) == ([note], "{}")


def test_an_interval_beyond_what_a_message_holds_is_cut_to_it() -> None:
    authority = ZoneAuthority((), Purpose.NOTIFICATION, interval_before=timedelta(days=999_999_999))
    message = geozone_to_message(geozone(authorities=(authority,)), name="", dataset="", dataset_version=0)
    assert geozone_from_message(message).authorities[0].interval_before == DURATION_MAX


@pytest.mark.parametrize(
    "spoil",
    [
        lambda message: message.ClearField("restriction"),
        lambda message: message.ClearField("layers"),
        lambda message: message.layers[0].ClearField("outline_wkb"),
        lambda message: setattr(message.layers[0], "outline_wkb", b"\x01\x02"),
        lambda message: message.layers[0].altitude.ClearField("lower_datum"),
        lambda message: message.authorities[0].ClearField("purpose"),
    ],
)
def test_a_message_that_is_no_geozone_is_refused(spoil: object) -> None:
    message = geozone_to_message(FULL, name="", dataset="", dataset_version=0)
    spoil(message)  # type: ignore[operator]
    with pytest.raises(ValueError, match=r"\w"):
        geozone_from_message(message)


def test_an_absent_limit_is_none() -> None:
    band = AltitudeBand(-math.inf, Datum.AMSL, math.inf, Datum.WGS84)
    message = band_to_message(band)
    assert not message.HasField("lower_m")
    assert not message.HasField("upper_m")
    assert band_from_message(message) == band
    zero = band_to_message(AltitudeBand(0.0, Datum.AGL, 0.0, Datum.AGL))
    assert zero.HasField("lower_m")
    assert zero.HasField("upper_m")


def test_heights_above_a_known_take_off_point_become_heights_above_the_sea() -> None:
    band = AltitudeBand(10.0, Datum.TAKEOFF, 50.0, Datum.AGL, takeoff_amsl_m=400.0)
    assert band_from_message(band_to_message(band)) == AltitudeBand(410.0, Datum.AMSL, 50.0, Datum.AGL)
    unknown = AltitudeBand(10.0, Datum.TAKEOFF, 50.0, Datum.TAKEOFF)
    assert band_from_message(band_to_message(unknown)) == unknown
    known = AltitudeBand(10.0, Datum.TAKEOFF, 50.0, Datum.TAKEOFF, 400.0)
    assert band_from_message(band_to_message(unknown), takeoff_amsl_m=400.0) == known


def volume(*vertices: tuple[float, float]) -> geo_pb2.Volume4D:
    message = geo_pb2.Volume4D(altitude=band_to_message(GROUND))
    for longitude, latitude in vertices:
        message.outline_polygon.vertices.add(longitude=longitude, latitude=latitude)
    message.time_start.FromDatetime(START)
    message.time_end.FromDatetime(START + timedelta(minutes=1))
    return message


def test_a_volume_has_its_outline_band_and_time() -> None:
    found = volume_from_message(volume((16.0, 48.0), (16.1, 48.0), (16.0, 48.1)))
    assert found.outline.area == pytest.approx(0.005)
    assert found.altitude == GROUND
    assert (found.start_s, found.end_s) == (START.timestamp(), START.timestamp() + 60.0)


def test_a_volume_begins_before_and_ends_after_the_nanoseconds_that_are_cut_off() -> None:
    message = volume((16.0, 48.0), (16.1, 48.0), (16.0, 48.1))
    message.time_start.nanos = message.time_end.nanos = 1_100
    found = volume_from_message(message)
    assert found.start_s == (START + timedelta(microseconds=1)).timestamp()
    assert found.end_s == (START + timedelta(minutes=1, microseconds=2)).timestamp()


def test_a_period_of_a_zone_begins_before_and_ends_after_the_nanoseconds_that_are_cut_off() -> None:
    given = geozone(
        applicability=Applicability((Period(START, START + timedelta(hours=1)),)),
        authorities=(ZoneAuthority((), Purpose.NOTIFICATION, interval_before=timedelta(hours=1)),),
    )
    message = geozone_to_message(given, name="", dataset="", dataset_version=0)
    (period,), (authority,) = message.applicability.periods, message.authorities
    for moment in (period.start_time, period.end_time, authority.interval_before):
        moment.nanos += 100
    found = geozone_from_message(message)
    micro = timedelta(microseconds=1)
    assert found.applicability.periods == (Period(START, START + timedelta(hours=1) + micro),)
    assert found.authorities[0].interval_before == timedelta(hours=1) + micro


def test_a_zone_keeps_its_circles() -> None:
    centre = CentreLine.circle(16.05, 48.05, 250.0)
    given = geozone(layers=(Layer(circle(16.05, 48.05, 250.0), GROUND, centre), *FULL.layers))
    message = geozone_to_message(given, name="", dataset="", dataset_version=0)
    assert geozone_from_message(message) == given


def test_a_volume_over_the_antimeridian_is_in_two_pieces() -> None:
    found = volume_from_message(volume((179.9, 1.0), (-179.9, 1.0), (-179.9, 2.0), (179.9, 2.0)))
    assert isinstance(found.outline, MultiPolygon)
    assert found.outline.area == pytest.approx(0.2)


def test_a_circle_is_held_by_its_polygon() -> None:
    message = volume()
    message.outline_circle.CopyFrom(
        geo_pb2.Circle(center=geo_pb2.LatLng(latitude=48.0, longitude=16.0), radius_m=1_000.0)
    )
    west, _, east, _ = volume_from_message(message).outline.bounds
    assert east - west > 2 * 1_000.0 / 111_320.0


@pytest.mark.parametrize(
    "vertices",
    [
        [(16.0, 48.0), (16.1, 48.0)],
        [(16.0, 48.0), (16.1, 48.0), (16.2, 48.0)],
        [(16.0, 48.0), (16.1, 48.1), (16.1, 48.0), (16.0, 48.1)],
    ],
)
def test_an_outline_without_a_clear_meaning_is_refused(vertices: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match=r"outline|vertices"):
        volume_from_message(volume(*vertices))
