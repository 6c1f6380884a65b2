"""The options of submit-many are for all lines, and a line's own words stay."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path

from google.protobuf import json_format

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from lowsky.cli.plans.requests import Wishes, prepare
from lowsky.cli.plans.sources import Entry, Place

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
LATER = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
OPTIONS = Wishes(
    aircraft="operators/acme/aircraft/of-option",
    depart=NOW,
    buffer_m=30,
    vertical_buffer_m=10,
    time_buffer_s=60,
    purpose=pb.FlightPlan.PURPOSE_INSPECTION,
    mode=pb.FlightPlan.MODE_VLOS,
    commercial=False,
    priority=assessment_pb2.PRIORITY_MEDICAL,
    reference="of option",
    endurance_min=30,
    return_altitude_m=None,
    special_activities=(pb.SPECIAL_ACTIVITY_SWARM,),
    lost_link="of option",
    profile=None,
    reference_system=geo_pb2.REFERENCE_SYSTEM_UNSPECIFIED,
)


def prepared(content: pb.FlightPlan | Path, options: Wishes = OPTIONS) -> pb.FlightPlan:
    return Entry(Place(1), "1", "", content).prepare(options, NOW).plan


def said() -> pb.FlightPlan:
    plan = pb.FlightPlan(
        aircraft="operators/acme/aircraft/of-line",
        purpose=pb.FlightPlan.PURPOSE_SURVEY,
        mode=pb.FlightPlan.MODE_BVLOS,
        commercial=True,
        priority=assessment_pb2.PRIORITY_EMERGENCY,
        reference="of line",
        special_activities=[pb.SPECIAL_ACTIVITY_OVER_CROWDS],
        lost_link_procedure="of line",
    )
    plan.endurance.FromSeconds(60)
    plan.trajectory.horizontal_buffer_m = 20
    plan.trajectory.departure_time.FromDatetime(LATER)
    return plan


def unsaid() -> pb.FlightPlan:
    plan = pb.FlightPlan()
    plan.trajectory.horizontal_buffer_m = 20
    return plan


def test_what_a_line_says_stays() -> None:
    assert prepared(said()) == said()


def test_what_a_line_leaves_out_is_filled() -> None:
    plan = prepared(unsaid())
    assert (plan.aircraft, plan.purpose, plan.mode) == (OPTIONS.aircraft, OPTIONS.purpose, OPTIONS.mode)
    assert plan.HasField("commercial")
    assert not plan.commercial
    assert (plan.priority, plan.reference, plan.endurance.seconds) == (OPTIONS.priority, "of option", 1_800)
    assert (list(plan.special_activities), plan.lost_link_procedure) == ([pb.SPECIAL_ACTIVITY_SWARM], "of option")
    assert plan.trajectory.departure_time.ToDatetime(UTC) == NOW


def test_the_defaults_of_the_options_hold_for_lines_too() -> None:
    options = dataclasses.replace(OPTIONS, purpose=None, mode=None, commercial=None)
    plan = prepared(unsaid(), options)
    assert (plan.purpose, plan.mode) == (pb.FlightPlan.PURPOSE_DELIVERY, pb.FlightPlan.MODE_BVLOS)
    assert plan.commercial


def test_a_message_in_a_folder_is_as_a_line_and_one_that_is_submitted_alone_is_changed(tmp_path: Path) -> None:
    file = tmp_path / "flight.json"
    file.write_text(json.dumps(json_format.MessageToDict(said())))
    assert prepared(file) == said()
    assert prepare(file, OPTIONS, NOW).plan.purpose == OPTIONS.purpose
