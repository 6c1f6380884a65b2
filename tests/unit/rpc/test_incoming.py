"""Messages of a stream: judged by their size before they are deserialised."""

from __future__ import annotations

import pytest

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.errors import Invalid
from lowsky.rpc.incoming import Incoming, deserialised
from lowsky.rpc.limits import request_bytes_max

METHOD = "/lowsky.api.flightplans.v1.FlightPlansService/SubmitFlightPlans"


class Reader:
    """Deserialises, and remembers how much."""

    def __init__(self) -> None:
        self.read: list[int] = []

    def __call__(self, raw: bytes) -> pb.SubmitFlightPlansRequest:
        self.read.append(len(raw))
        return deserialised(pb.SubmitFlightPlansRequest.FromString, raw)


def message(waypoints: int) -> bytes:
    plan = pb.FlightPlan(
        trajectory=assessment_pb2.Trajectory(waypoints=[assessment_pb2.Waypoint(longitude=1)] * waypoints)
    )
    return pb.SubmitFlightPlansRequest(
        key="the 7th", request=pb.SubmitFlightPlanRequest(flight_plan=plan)
    ).SerializeToString()


def test_a_message_is_read_once_and_its_bytes_are_given_up() -> None:
    raw = message(3)
    incoming = Incoming(METHOD, raw, Reader())
    assert incoming.size == len(raw)
    assert incoming.read() == pb.SubmitFlightPlansRequest.FromString(raw)
    assert incoming._raw == b""


def test_of_a_message_that_is_too_large_nothing_but_whose_it_is_is_deserialised() -> None:
    raw, reader = message(100_000), Reader()
    incoming = Incoming(METHOD, raw, reader)
    assert len(raw) > request_bytes_max(METHOD)
    with pytest.raises(Invalid) as refused:
        incoming.read()
    assert refused.value.reason == "TOO_LARGE"
    assert reader.read == []
    assert incoming.head() == pb.SubmitFlightPlansRequest(key="the 7th")
    assert max(reader.read) < 20


def test_bytes_that_are_no_message_are_refused() -> None:
    for look in (Incoming.read, Incoming.head):
        with pytest.raises(Invalid) as refused:
            look(Incoming(METHOD, b"\xff\xff\xff", Reader()))
        assert refused.value.reason == "MALFORMED_MESSAGE"
