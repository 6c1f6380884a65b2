"""Times, names and altitudes read and written for people."""

from __future__ import annotations

from typing import Any

import pytest

from lowsky.api.events.v1 import events_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from lowsky.cli.events.log import document_of
from lowsky.cli.output import clean
from lowsky.cli.problems import Problem
from lowsky.cli.values import child, enum_name, enum_value, parse_time, resource, show_band, show_ranges


def test_a_time_without_its_zone_is_refused() -> None:
    assert parse_time("2026-11-25T09:00+08:00", "--depart").isoformat() == "2026-11-25T01:00:00+00:00"
    assert parse_time("2026-11-25T01:00Z", "--depart").isoformat() == "2026-11-25T01:00:00+00:00"
    with pytest.raises(Problem, match="TIME_WITHOUT_ZONE"):
        parse_time("2026-11-25T09:00", "--depart")


@pytest.mark.parametrize(
    ("text", "operator", "name"),
    [
        ("operators/a/aircraft/d", None, "operators/a/aircraft/d"),
        ("d", "operators/a", "operators/a/aircraft/d"),
        ("operators/b/aircraft/d", "operators/a", "operators/b/aircraft/d"),
    ],
)
def test_names_are_completed(text: str, operator: str | None, name: str) -> None:
    assert child("aircraft", text, operator) == name


@pytest.mark.parametrize(
    "text", ["d", "operators/a/flightPlans/d", "operators/a/aircraft/", "a/d", "", "operators//aircraft/d"]
)
def test_names_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(Problem):
        child("aircraft", text, None)


def test_resources_take_their_short_form() -> None:
    assert resource("geozones", "at.LOWW1") == resource("geozones", "geozones/at.LOWW1") == "geozones/at.LOWW1"
    with pytest.raises(Problem):
        resource("operators", "authorities/x")


def test_enumerations_are_spoken_without_their_prefix() -> None:
    assert enum_name(pb.State, pb.STATE_UNDER_REVIEW) == "UNDER_REVIEW"
    assert enum_name(pb.State, 999) == "999"
    assert enum_value(pb.State, "under-review", "--state") == pb.STATE_UNDER_REVIEW
    with pytest.raises(Problem, match="not known"):
        enum_value(pb.State, "unspecified", "--state")


def test_bands_say_their_datums() -> None:
    agl, amsl = geo_pb2.ALTITUDE_DATUM_AGL, geo_pb2.ALTITUDE_DATUM_AMSL
    band = geo_pb2.AltitudeBand(lower_m=0, lower_datum=agl, upper_datum=amsl)
    assert show_band(band) == "0 m AGL to unlimited"


@pytest.mark.parametrize(("numbers", "text"), [([], ""), ([3], "3"), ([3, 1, 2, 2, 7], "1-3, 7")])
def test_ranges_are_short(numbers: list[int], text: str) -> None:
    assert show_ranges(numbers) == text


def test_control_characters_do_not_reach_the_screen() -> None:
    assert clean("a\x1b[31mb\rc\nd") == "a�[31mb�c\nd"


class Record:
    topic, partition, offset, key = "p.lowsky.flight-plans.v1", 2, 7, b"operators/a/flightPlans/p"

    def __init__(self, kind: str, value: bytes | None) -> None:
        self.headers = [("ce_type", kind.encode()), ("ce_id", b"1")]
        self.value = value


def document(kind: str, value: bytes | None) -> dict[str, Any]:
    return document_of(Record(kind, value), "p.")


def test_events_are_decoded_by_their_type() -> None:
    event = events_pb2.FlightPlanEvent(flight_plan=pb.FlightPlan(name="n", state=pb.STATE_APPROVED))
    told = document("lowsky.flightplan.approved.v1", event.SerializeToString())
    assert told["data"] == {"flightPlan": {"name": "n", "state": "STATE_APPROVED"}}
    assert (told["topic"], told["partition"], told["offset"]) == ("lowsky.flight-plans.v1", 2, 7)


def test_a_tombstone_has_no_data() -> None:
    assert document("lowsky.geozone.removed.v1", None)["data"] is None


@pytest.mark.parametrize(
    ("kind", "value"), [("other.thing.v1", b"\x00"), ("lowsky.flightplan.approved.v1", b"\xff\xff")]
)
def test_what_cannot_be_decoded_is_shown_as_it_is(kind: str, value: bytes) -> None:
    told = document(kind, value)
    assert told["data"] is None
    assert told["problem"]
    assert told["value"]
