"""Whatever a request says, and however large it is, it is answered or refused: flightplans does not fail at it."""

from __future__ import annotations

import pytest

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from lowsky.ids import new_id
from tests.integration.flightplans.world import OPERATOR, SOUTH, World, in_, submission, timestamp
from tests.support.extreme_requests import Case, fails_at, methods_of, require_bounded

SERVICE = "flightplans"
NAME = f"{OPERATOR}/flightPlans/{new_id()}"


def volumes() -> assessment_pb2.Volumes:
    longitude, latitude = SOUTH
    ring = [(0.0, 0.0), (0.01, 0.0), (0.01, 0.01), (0.0, 0.01)]
    volume = geo_pb2.Volume4D(time_start=timestamp(in_(hours=2)), time_end=timestamp(in_(hours=3)))
    agl = geo_pb2.ALTITUDE_DATUM_AGL
    volume.altitude.CopyFrom(geo_pb2.AltitudeBand(lower_m=0, lower_datum=agl, upper_m=100, upper_datum=agl))
    volume.outline_polygon.vertices.extend(
        geo_pb2.LatLng(longitude=longitude + x, latitude=latitude + y) for x, y in ring
    )
    return assessment_pb2.Volumes(volumes=[volume])


def dry(request: pb.SubmitFlightPlanRequest) -> pb.SubmitFlightPlanRequest:
    request.validate_only = True
    return request


def listing() -> pb.ListFlightPlansRequest:
    return pb.ListFlightPlansRequest(
        parent=OPERATOR, time_start=timestamp(in_(hours=1)), time_end=timestamp(in_(hours=2)), page_token="x"
    )


def again(**fields: str) -> dict[str, str]:
    return {"request_id": new_id(), "name": NAME, "etag": "1", **fields}


CASES = {
    "SubmitFlightPlan": Case(lambda: [dry(submission(SOUTH))]),
    "SubmitFlightPlan volumes": Case(lambda: [dry(submission(SOUTH, volumes=volumes()))]),
    "SubmitFlightPlans": Case(lambda: [pb.SubmitFlightPlansRequest(key="1", request=dry(submission(SOUTH)))]),
    "GetFlightPlan": Case(lambda: [pb.GetFlightPlanRequest(name=NAME)]),
    "ListFlightPlans": Case(lambda: [listing()]),
    "WithdrawFlightPlan": Case(lambda: [pb.WithdrawFlightPlanRequest(**again())]),
    "ActivateFlightPlan": Case(lambda: [pb.ActivateFlightPlanRequest(**again())]),
    "EndFlightPlan": Case(lambda: [pb.EndFlightPlanRequest(**again())]),
    "ReportFlightPlanState": Case(
        lambda: [
            pb.ReportFlightPlanStateRequest(**again(), state=pb.STATE_NONCONFORMING, off_nominal_volumes=volumes())
        ]
    ),
    "QueryAirspace": Case(lambda: [pb.QueryAirspaceRequest(volumes=volumes(), layer_height_m=10)]),
    "WatchFlightPlans": Case(lambda: [pb.WatchFlightPlansRequest(parent=OPERATOR)]),
}
CASES = {f"FlightPlansService/{what}": case for what, case in CASES.items()}


def test_every_rpc_has_a_case() -> None:
    assert {what.split()[0] for what in CASES} == methods_of(SERVICE).keys()


@pytest.mark.parametrize("what", CASES)
async def test_no_extreme_of_a_field_makes_the_service_fail(world: World, what: str) -> None:
    assert await fails_at(world.installation, SERVICE, what.split()[0], CASES[what]) == []


@pytest.mark.parametrize("what", methods_of(SERVICE))
async def test_a_message_of_any_size_costs_no_more_than_its_size_allows(world: World, what: str) -> None:
    await require_bounded(world.installation, SERVICE, what)
