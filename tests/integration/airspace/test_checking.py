"""CheckAirspace through gRPC, beside flightplans: both hear of the same imports and must find the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
import pytest_asyncio

from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.api.airspace.v1 import geozones_pb2_grpc
from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as plans
from lowsky.api.geo.v1 import geo_pb2
from tests.integration.airspace.publishing import Publisher, new_dataset, new_publisher
from tests.integration.flightplans.world import OPERATOR, World, flight_plan, registered, timestamp
from tests.support.errors import refusal
from tests.support.installation import Installation
from tests.support.zone_files import ed269_zone, file_of, square

AGL, AMSL, TAKEOFF = geo_pb2.ALTITUDE_DATUM_AGL, geo_pb2.ALTITUDE_DATUM_AMSL, geo_pb2.ALTITUDE_DATUM_TAKEOFF
DEPARTURE = (datetime.now(UTC) + timedelta(days=2)).replace(microsecond=250_000)
PROHIBITED = {"restriction": "PROHIBITED"}
TOLD = {"restriction": "NO_RESTRICTION", "zoneAuthority": [{"name": "Tower", "purpose": "NOTIFICATION"}]}
OVER = {
    "applicability": [
        {"permanent": "NO", "startDateTime": "2020-01-01T00:00:00Z", "endDateTime": "2021-01-01T00:00:00Z"}
    ]
}

ZONES = [
    ed269_zone("tower", square(16.30, 48.20, 0.02)),
    ed269_zone("closed", square(16.33, 48.20, 0.02), **PROHIBITED),
    ed269_zone("closed-once", square(16.30, 48.20, 0.06), **PROHIBITED, **OVER),
    ed269_zone("told", square(16.31, 48.19, 0.03), **TOLD),
    ed269_zone("elsewhere", square(17.30, 48.20, 0.02)),
]


@dataclass(frozen=True, slots=True)
class Both:
    """The two services, over the zones above."""

    world: World
    publisher: Publisher
    revision: int

    def checker(self, **claims: Any) -> geozones_pb2_grpc.GeozonesServiceAsyncStub:
        token = self.world.installation.token(**{"roles": ["operator"], "operator": "operators/acme", **claims})
        return self.world.installation.stub(geozones_pb2_grpc.GeozonesServiceStub, "airspace", token)

    async def check(self, plan: plans.FlightPlan) -> pb.CheckAirspaceResponse:
        return await self.checker().CheckAirspace(request_of(plan))


def request_of(plan: plans.FlightPlan) -> pb.CheckAirspaceRequest:
    request = pb.CheckAirspaceRequest()
    field = plan.WhichOneof("airspace")
    assert field is not None
    getattr(request, field).CopyFrom(getattr(plan, field))
    return request


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def both(installation: Installation) -> AsyncIterator[Both]:
    await installation.start("airspace")
    await installation.start("flightplans")
    world = World(installation)
    await world.tell(registered(OPERATOR))
    publisher = await new_publisher(installation, "Tower")
    nothing = await refusal(Both(world, publisher, 0).check(mission((16.29, 48.21), (16.36, 48.21))))
    assert nothing.reason == "NO_AIRSPACE"
    imported = (await publisher.publish(new_dataset(), file_of(ZONES))).dataset
    world.revision = imported.airspace_revision
    await world.wait_for_revision()
    yield Both(world, publisher, imported.airspace_revision)


def mission(
    *points: tuple[float, float], height_m: float = 60, datum: int = AGL, buffer_m: float = 20, leg_s: float = 600
) -> plans.FlightPlan:
    made = flight_plan(departure=DEPARTURE)
    made.trajectory.horizontal_buffer_m = buffer_m
    del made.trajectory.waypoints[:]
    for number, (longitude, latitude) in enumerate(points):
        made.trajectory.waypoints.add(
            longitude=longitude, latitude=latitude, altitude_m=height_m, altitude_datum=datum, offset_s=number * leg_s
        )
    return made


def volumes() -> plans.FlightPlan:
    volume = geo_pb2.Volume4D(
        outline_circle=geo_pb2.Circle(center=geo_pb2.LatLng(latitude=48.21, longitude=16.325), radius_m=1_500),
        altitude=geo_pb2.AltitudeBand(lower_m=0, lower_datum=AGL, upper_m=120, upper_datum=AGL),
        time_start=timestamp(DEPARTURE),
        time_end=timestamp(DEPARTURE + timedelta(hours=1)),
    )
    return flight_plan(volumes=assessment_pb2.Volumes(volumes=[volume, volume]))


ACROSS = (16.29, 48.21), (16.315, 48.21), (16.34, 48.21), (16.37, 48.21)
MISSIONS = {
    "across all": mission(*ACROSS),
    "above all": mission(*ACROSS, height_m=180),
    "touching the ceiling": mission(*ACROSS, height_m=130),
    "of a datum that does not compare": mission(*ACROSS, height_m=400, datum=AMSL),
    "above take-off": mission(*ACROSS, height_m=60, datum=TAKEOFF),
    "wide": mission((16.28, 48.23), (16.40, 48.23), buffer_m=1_500),
    "clear of all": mission((16.0, 48.0), (16.01, 48.0)),
    "volumes": volumes(),
}


@pytest.mark.parametrize("which", MISSIONS)
async def test_a_check_finds_what_a_plan_would_hear(both: Both, which: str) -> None:
    plan = MISSIONS[which]
    checked = await both.check(plan)
    submitted = (await both.world.submit(plan=plan, validate_only=True)).flight_plan
    of_zones = [finding for finding in submitted.findings if finding.subject.startswith("geozones/")]
    assert list(checked.findings) == of_zones
    assert checked.airspace_revision == submitted.airspace_revision == both.revision
    assert (checked.time_start, checked.time_end) == (submitted.time_start, submitted.time_end)


async def test_each_zone_says_what_follows_from_it(both: Both) -> None:
    found = {
        finding.subject.rpartition(".")[2]: finding for finding in (await both.check(MISSIONS["across all"])).findings
    }
    assert list(found) == ["closed", "tower", "told"]
    assert found["closed"].rule == assessment_pb2.Finding.RULE_GEOZONE_PROHIBITED
    assert list(found["closed"].volumes) == [1, 2]
    assert list(found["tower"].deciding_authorities) == [both.publisher.authority]
    assert list(found["told"].notified_authorities) == [both.publisher.authority]
    assert not any(finding.altitude_uncertain for finding in found.values())
    doubtful = (await both.check(MISSIONS["of a datum that does not compare"])).findings
    assert doubtful
    assert all(finding.altitude_uncertain for finding in doubtful)


async def test_what_the_publisher_says_of_the_ground_narrows_what_is_uncertain(both: Both) -> None:
    """A zone up to 120 m above ground of 150 to 300 m, and flights 10 m up and down from a height above the sea."""
    data = file_of([ed269_zone("hills", square(19.5, 48.0))])
    await both.publisher.publish(new_dataset(), data, terrain_min_m=150, terrain_max_m=300)
    flights = {
        height_m: mission((19.5, 48.005), (19.51, 48.005), height_m=height_m, datum=AMSL) for height_m in (400, 440)
    }
    (finding,) = (await both.check(flights[400])).findings
    assert finding.altitude_uncertain
    assert (finding.plan_amsl.least_m, finding.plan_amsl.greatest_m) == (390, 410)
    assert (finding.subject_amsl.least_m, finding.subject_amsl.greatest_m) == (150, 420)
    assert not (await both.check(flights[440])).findings


async def test_bounds_of_the_ground_in_the_wrong_order_are_refused(both: Both) -> None:
    data = file_of([ed269_zone("hills", square(19.5, 48.0))])
    refused = await refusal(both.publisher.publish(new_dataset(), data, terrain_min_m=300, terrain_max_m=150))
    assert refused.fields == {"header.terrain_max_m": "INTERVAL_REVERSED"}


async def test_a_check_sees_an_import_as_soon_as_it_is_answered(both: Both) -> None:
    dataset = new_dataset()
    there, flight = square(18.0, 48.0), mission((18.0, 48.005), (18.01, 48.005))
    for zones in ([ed269_zone("one", there)], [ed269_zone("two", there)], [ed269_zone("far", square(19.0, 48.0))]):
        imported = await both.publisher.replace(dataset, file_of(zones))
        checked = await both.check(flight)
        assert checked.airspace_revision == imported.dataset.airspace_revision
        found = [finding.subject.rpartition(".")[2] for finding in checked.findings]
        assert found == [zone["identifier"] for zone in zones if zone["identifier"] != "far"]


async def test_another_worker_sees_it_too_and_one_that_starts_later(both: Both) -> None:
    installation = both.world.installation
    await installation.start("airspace", instance="2")
    assert await installation.health("airspace", part="zones", instance="2") == "SERVING"
    imported = await both.publisher.publish(new_dataset(), file_of([ed269_zone("late", square(20.0, 48.0))]))
    stub = installation.stub(
        geozones_pb2_grpc.GeozonesServiceStub, "airspace", installation.token(roles=["registrar"]), instance="2"
    )
    checked = await stub.CheckAirspace(request_of(mission((20.0, 48.005), (20.01, 48.005))))
    assert [finding.subject.rpartition(".")[2] for finding in checked.findings] == ["late"]
    assert checked.airspace_revision == imported.dataset.airspace_revision


@pytest.mark.parametrize("role", ["applicant", "operator", "registrar", "publisher", "officer", "administrator"])
async def test_everybody_signed_in_may_check(both: Both, role: str) -> None:
    claims = {
        "operator": "operators/acme" if role == "operator" else None,
        "authority": "authorities/any" if role in {"publisher", "officer"} else None,
    }
    assert (await both.checker(roles=[role], **claims).CheckAirspace(request_of(MISSIONS["volumes"]))).findings


async def test_a_flight_of_any_time_is_checked_and_one_without_a_date_refused(both: Both) -> None:
    past = mission(*ACROSS)
    past.trajectory.departure_time.FromDatetime(datetime(2020, 6, 1, tzinfo=UTC))
    names = [finding.subject.rpartition(".")[2] for finding in (await both.check(past)).findings]
    assert "closed-once" in names
    for moment in (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)):
        past.trajectory.departure_time.FromDatetime(moment)
        refused = await refusal(both.check(past))
        assert (refused.code, dict(refused.fields)) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            {"trajectory": "INVALID_FIELD"},
        )


async def test_a_flight_that_cannot_be_drawn_is_refused_with_its_field(both: Both) -> None:
    backwards = mission(*ACROSS)
    backwards.trajectory.waypoints[1].offset_s = 5_000
    nowhere = mission((16.0, 80.0), (26.0, 86.0))
    reversed_volume = volumes()
    reversed_volume.volumes.volumes[1].time_end.CopyFrom(timestamp(DEPARTURE - timedelta(hours=1)))
    for plan, field, reason in (
        (backwards, "trajectory.waypoints[2].offset_s", "INTERVAL_REVERSED"),
        (nowhere, "trajectory.waypoints[1]", "INVALID_GEOMETRY"),
        (reversed_volume, "volumes.volumes[1].time_end", "INTERVAL_REVERSED"),
    ):
        error = await refusal(both.check(plan))
        assert error.code is grpc.StatusCode.INVALID_ARGUMENT
        assert (error.reason, dict(error.fields)) == (reason, {field: reason})


async def test_nothing_to_check_is_refused(both: Both) -> None:
    error = await refusal(both.checker().CheckAirspace(pb.CheckAirspaceRequest()))
    assert error.code is grpc.StatusCode.INVALID_ARGUMENT


async def test_nobody_checks_without_a_token(both: Both) -> None:
    stub = both.world.installation.stub(geozones_pb2_grpc.GeozonesServiceStub, "airspace")
    assert (await refusal(stub.CheckAirspace(request_of(MISSIONS["volumes"])))).reason == "TOKEN_MISSING"
