"""A city with everything running: separate processes, sample airspace, a verified operator; spoken to with the SDK."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

import pytest_asyncio

from lowsky.api.airspace.v1 import authorities_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.registration.v1 import aircraft_pb2, identifiers_pb2, operators_pb2
from lowsky.client import Client, Endpoints
from lowsky.client.missions import flight_plan_of
from lowsky.local.demo.story import sample_profile
from lowsky.missions import read
from tests.support.installation import Installation

SERVICES = ("registration", "airspace", "flightplans", "approvals")
SAMPLE = resources.files("lowsky.local") / "sample"
OPERATOR = "operators/acme"
AIRCRAFT = f"{OPERATOR}/aircraft/one"
SHANGHAI, JIANGSU = "authorities/cn-shanghai", "authorities/cn-jiangsu"
TITLES = {
    SHANGHAI: "Shanghai low-altitude authority (sample)",
    JIANGSU: "Jiangsu low-altitude authority (sample)",
}
PLAIN = {"LOWSKY_TERRAIN_MIN_M": "-5", "LOWSKY_TERRAIN_MAX_M": "60"}
"""Bounds of the ground in the sample's area."""


@dataclass
class City:
    """An installation with all services, and clients for whoever acts on it."""

    installation: Installation
    exits: AsyncExitStack

    @property
    def endpoints(self) -> Endpoints:
        return Endpoints(**{service: self.installation.address(service) for service in SERVICES})

    async def client(self, **claims: Any) -> Client:
        """A client with a token of these claims, closed at the end of the module."""
        client = Client(self.endpoints, self.installation.token(**claims), tls=False)
        return await self.exits.enter_async_context(client)

    async def operator(self, name: str = OPERATOR) -> Client:
        return await self.client(roles=["operator"], operator=name, subject="dispatcher")

    async def officer(self, authority: str) -> Client:
        return await self.client(roles=["officer"], authority=authority, subject=f"officer of {authority}")


_half_hours = itertools.count(1)
"""Each mission is over within one."""


def parcel(mission: str, *, departs_in: timedelta | None = None) -> pb.FlightPlan:
    """A sample mission as a plan: in half an hour or later, at a time of its own, unless it is said when."""
    ahead = timedelta(minutes=30) * next(_half_hours) if departs_in is None else departs_in
    read_mission = read((SAMPLE / mission).read_bytes(), mission)
    departure = datetime.now(UTC) + ahead
    return flight_plan_of(read_mission, aircraft=AIRCRAFT, departure=departure, profile=sample_profile())


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def city(installation: Installation) -> AsyncIterator[City]:
    """Everything up, two authorities' sample datasets in force, one operator verified with one aircraft."""
    async with AsyncExitStack() as exits:
        for service in SERVICES:
            await installation.start(
                service, serving=False, env=PLAIN if service in {"airspace", "flightplans"} else None
            )
        for service in SERVICES:
            await installation.wait_serving(service)
        new = City(installation, exits)
        await publish(new)
        await register(new, OPERATOR, "9144030071526726XG", "ABCD1X")
        yield new


async def publish(city: City) -> None:
    """The sample airspace, each part by its authority's publisher."""
    administrator = await city.client(roles=["administrator"])
    for name, title in TITLES.items():
        request = authorities_pb2.CreateAuthorityRequest(
            authority_id=name.removeprefix("authorities/"),
            authority=authorities_pb2.Authority(display_name=title, country="CHN", time_zone="Asia/Shanghai"),
        )
        await administrator.call(administrator.authorities.CreateAuthority, request)
    for name, file in ((SHANGHAI, "airspace-shanghai.json"), (JIANGSU, "airspace-jiangsu.json")):
        publisher = await city.client(roles=["publisher"], authority=name)
        await publisher.import_geozones(
            (SAMPLE / file).read_bytes(),
            dataset=f"datasets/{name.removeprefix('authorities/')}",
            authority=name,
            authority_names={title: authority for authority, title in TITLES.items()},
        )


async def register(city: City, name: str, uscc: str, serial: str) -> None:
    """An operator, verified, with one aircraft called one."""
    applicant = await city.client(roles=["applicant"])
    operator = operators_pb2.Operator(
        display_name=name,
        kind=operators_pb2.Operator.KIND_ENTERPRISE,
        identifiers=[identifiers_pb2.Identifier(scheme="cn-uscc", value=uscc)],
        contact=operators_pb2.Contact(person_name="Duty"),
        certificate=operators_pb2.OperationCertificate(number="C1"),
    )
    operator.insurance_expire_time.FromDatetime(datetime.now(UTC) + timedelta(days=365))
    create = operators_pb2.CreateOperatorRequest(operator_id=name.removeprefix("operators/"), operator=operator)
    await applicant.call(applicant.operators.CreateOperator, create)
    registrar = await city.client(roles=["registrar"])
    await registrar.call(registrar.operators.VerifyOperator, operators_pb2.VerifyOperatorRequest(name=name))
    owner = await city.operator(name)
    aircraft = aircraft_pb2.Aircraft(
        identifiers=[identifiers_pb2.Identifier(scheme="cta-2063-a", value=serial)],
        manufacturer="Works",
        model="One",
        empty_mass_kg=9,
        max_takeoff_mass_kg=14,
        max_speed_mps=20,
    )
    await owner.call(
        owner.aircraft.RegisterAircraft,
        aircraft_pb2.RegisterAircraftRequest(parent=name, aircraft_id="one", aircraft=aircraft),
    )
