"""What is wrong with a message in JSON is said so that a person can mend it: where, what is there, what should be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.cli.plans.messages import parsed
from lowsky.cli.problems import Problem
from tests.support.samples import PUBLIC

ZONELESS = PUBLIC / "cases/flightplan-time-without-zone.json"


def fault(document: Any) -> tuple[str, str]:
    """The first field at fault, and the message."""
    with pytest.raises(Problem) as caught:
        parsed(document, pb.FlightPlan, "NO_FLIGHT_PLAN", "the line")
    assert caught.value.reason == "NO_FLIGHT_PLAN"
    return caught.value.fields[0]["field"], caught.value.message


def departing(text: Any) -> dict[str, Any]:
    return {"trajectory": {"departureTime": text}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2026-12-04T10:00:00", "add Z (UTC), or an offset as in +08:00"),
        ("2026-12-04 10:00:00.5", "add Z (UTC), or an offset as in +08:00"),
        ("2026-12-04T10:00Z", "has no seconds"),
        ("2026-12-04", "write it as 2026-11-25T09:00:00Z"),
        ("tomorrow", "write it as 2026-11-25T09:00:00Z"),
        (1796378400, "write it as 2026-11-25T09:00:00Z"),
        ("2026-13-04T10:00:00Z", "not an existing time"),
        ("2026-12-04T10:00:00.1234567890Z", "more precise than nanoseconds"),
        ("0001-01-01T00:00:00+08:00", "between the years 1 and 9999"),
        ("9999-12-31T23:59:59-08:00", "between the years 1 and 9999"),
        ("0000-01-01T00:00:00Z", "not an existing time"),
    ],
)
def test_a_time_that_is_none_says_what_to_do(text: Any, words: str) -> None:
    field, message = fault(departing(text))
    assert field == "trajectory.departureTime"
    assert words in message


@pytest.mark.parametrize("text", ["2026-12-04t10:00:00z", "2026-12-04T18:00:00+08:00", "2026-12-04 10:00:00Z"])
def test_times_are_read_as_rfc_3339_has_them(text: str) -> None:
    plan = parsed(departing(text), pb.FlightPlan, "NO_FLIGHT_PLAN", "the line")
    assert plan.trajectory.departure_time.ToJsonString() == "2026-12-04T10:00:00Z"


@pytest.mark.parametrize(
    ("document", "field", "words"),
    [
        ({"trajctory": {}}, "trajctory", "did you mean trajectory?"),
        ({"zzz": 2}, "zzz", "there are name, etag"),
        ({"purpose": "DELIVERY"}, "purpose", "did you mean PURPOSE_DELIVERY?"),
        ({"purpose": "PURPOSE_DELVERY"}, "purpose", "did you mean PURPOSE_DELIVERY?"),
        ({"specialActivities": ["X"]}, "specialActivities[0]", "there are SPECIAL_ACTIVITY_UNSPECIFIED"),
        ({"endurance": "60"}, "endurance", 'write seconds with an s, as in "90s"'),
        ({"endurance": 60}, "endurance", 'write seconds with an s, as in "90s"'),
        ({"endurance": "9" * 5000 + "s"}, "endurance", "longer than 10 000 years"),
        ({"aircraft": 5}, "aircraft", "5 is given, a text in quotes is expected"),
        ({"reference": "\ud800"}, "reference", "surrogate"),
        ({"trajectory": 7}, "trajectory", "a JSON object is expected"),
        ({"trajectory": {"waypoints": {}}}, "trajectory.waypoints", "a list in [ ] is expected"),
        ({"trajectory": {"waypoints": [{"latitude": float("nan")}]}}, "trajectory.waypoints[0].latitude", "no finite"),
        (
            {"trajectory": {"waypoints": [{}, {"latitude": "x"}]}},
            "trajectory.waypoints[1].latitude",
            '"x" is no finite',
        ),
        ({"airspaceRevision": 1.5}, "airspaceRevision", "no whole number"),
    ],
)
def test_a_value_that_cannot_be_taken_is_named_with_what_is_expected(document: Any, field: str, words: str) -> None:
    found, message = fault(document)
    assert found == field
    assert words in message
    assert len(message) < 1000


def test_all_fields_at_fault_are_named() -> None:
    with pytest.raises(Problem) as caught:
        parsed({"aircraft": 5, "wings": 2, "endurance": "1h"}, pb.FlightPlan, "NO_FLIGHT_PLAN", "the line")
    assert [one["field"] for one in caught.value.fields] == ["aircraft", "wings", "endurance"]
    assert "(and 2 more)" in caught.value.message


@pytest.mark.skipif(not ZONELESS.exists(), reason=f"no cases: {ZONELESS} is absent")
def test_the_case_of_a_time_without_a_zone_says_what_to_do() -> None:
    assert fault(json.loads(ZONELESS.read_bytes()))[0] == "trajectory.departureTime"
