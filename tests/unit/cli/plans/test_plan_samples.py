"""Flight plans of our own, as odd as those that operators hand in: each is read or refused as its row says."""

from __future__ import annotations

import json

import pytest

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.cli.plans.messages import parsed
from lowsky.cli.plans.sources import Entry, open_source
from lowsky.cli.problems import Problem
from tests.support.samples import SAMPLES, expected

PLANS = SAMPLES / "plans"
TABLE = expected("plans")


@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if "field" in row])
def test_a_plan_of_the_samples_is_refused_at_the_field_that_its_row_says(name: str) -> None:
    with pytest.raises(Problem) as caught:
        parsed(json.loads((PLANS / name).read_bytes()), pb.FlightPlan, "NO_FLIGHT_PLAN", "the file")
    assert [one["field"] for one in caught.value.fields] == [TABLE[name]["field"]]
    assert TABLE[name]["message"] in caught.value.message


@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if "flights" in row])
async def test_lines_of_the_samples_are_read_as_their_row_says(name: str) -> None:
    entries = [entry async for entry in open_source(str(PLANS / name)).entries()]
    plans = [
        entry.content for entry in entries if isinstance(entry, Entry) and isinstance(entry.content, pb.FlightPlan)
    ]
    assert len(plans) == len(entries)
    read = [(plan.reference, plan.trajectory.departure_time.ToDatetime().isoformat()) for plan in plans]
    assert read == [(reference, time.replace(tzinfo=None).isoformat()) for reference, time in TABLE[name]["flights"]]
