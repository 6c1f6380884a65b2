"""The default of an authority's area, through airspace, flightplans and approvals: a map of the permitted airspace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import uuid4

import pytest_asyncio
from google.protobuf.field_mask_pb2 import FieldMask

from lowsky.api.airspace.v1 import authorities_pb2 as authorities
from lowsky.api.airspace.v1 import geozones_pb2, geozones_pb2_grpc
from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from tests.integration.airspace.publishing import Publisher, administration, new_dataset, new_publisher
from tests.integration.airspace.restricting import area, square
from tests.integration.flightplans.world import OPERATOR, World, flight_plan, registered
from tests.support.errors import refusal
from tests.support.installation import Installation
from tests.support.polling import eventually
from tests.support.zone_files import ed269_zone, file_of
from tests.support.zone_files import square as ring

CITY = square(16, 48, 17, 49)
FREE = ed269_zone("free", ring(16.3, 48.2, 0.1), restriction="NO_RESTRICTION", zoneAuthority=[])
INSIDE, LEAVING, OUTSIDE = (16.35, 48.25), (16.395, 48.25), (17.5, 48.25)
Rule = assessment_pb2.Finding.Rule


@dataclass(frozen=True, slots=True)
class City:
    """An authority whose area is closed but for one zone."""

    world: World
    publisher: Publisher

    async def check(self, plan: pb.FlightPlan) -> list[assessment_pb2.Finding]:
        token = self.world.installation.token(roles=["operator"], operator=OPERATOR)
        stub = self.world.installation.stub(geozones_pb2_grpc.GeozonesServiceStub, "airspace", token)
        request = geozones_pb2.CheckAirspaceRequest(trajectory=plan.trajectory)
        return list((await stub.CheckAirspace(request)).findings)

    async def found(self, at: tuple[float, float]) -> list[assessment_pb2.Finding]:
        """What a dry run is told, which is what a check is told."""
        plan = flight_plan(at)
        findings = list((await self.world.submit(plan=plan, validate_only=True)).flight_plan.findings)
        assert await self.check(plan) == findings
        return findings

    async def state_area(
        self, default: authorities.AreaDefault | None, ground: Sequence[tuple[float, float]] = CITY
    ) -> authorities.Authority:
        stated = area(ground)
        if default is not None:
            stated.default_rule.CopyFrom(default)
        request = authorities.UpdateAuthorityRequest(
            request_id=str(uuid4()),
            authority=authorities.Authority(name=self.publisher.authority, area=stated),
            update_mask=FieldMask(paths=["area"]),
        )
        return (await administration(self.world.installation).UpdateAuthority(request)).authority


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def city(installation: Installation) -> AsyncIterator[City]:
    for service in ("airspace", "flightplans", "approvals"):
        await installation.start(service)
    world = World(installation)
    await world.tell(registered(OPERATOR))
    publisher = await new_publisher(installation, "City")
    imported = (await publisher.publish(new_dataset(), file_of([FREE]))).dataset
    world.revision = imported.airspace_revision
    await world.wait_for_revision()
    new = City(world, publisher)
    assert await new.found(OUTSIDE) == []  # nobody has stated an area
    default = authorities.AreaDefault(authorization_required=True)
    assert (await new.state_area(default)).area.default_rule == default
    await eventually(lambda: _told(new, OUTSIDE), what="the area known to flightplans")
    yield new


async def _told(city: City, at: tuple[float, float]) -> bool:
    return bool((await city.world.submit(plan=flight_plan(at), validate_only=True)).flight_plan.findings)


async def test_a_plan_within_permitted_airspace_is_approved_by_rule(city: City) -> None:
    (finding,) = await city.found(INSIDE)
    assert (finding.rule, finding.severity) == (Rule.RULE_AREA_PERMITTED, assessment_pb2.Finding.SEVERITY_INFORMATION)
    plan = (await city.world.submit(INSIDE)).flight_plan
    await city.world.wait_state(plan.name, "APPROVED")


async def test_officers_and_auditors_read_every_plan_in_their_area_also_where_nobody_is_asked(city: City) -> None:
    world, authority = city.world, city.publisher.authority
    readers = [world.officer(authority), world.officer(authority, roles=["auditor"], subject="auditor")]
    stranger = world.officer("authorities/elsewhere")
    watch = readers[1].WatchFlightPlans(pb.WatchFlightPlansRequest(parent="operators/-"))
    await anext(aiter(watch))  # the first checkpoint
    plan = (await world.submit(INSIDE)).flight_plan
    assert not plan.deciding_authorities
    assert not plan.notified_authorities
    assert list(plan.touched_authorities) == [authority]
    get = pb.GetFlightPlanRequest(name=plan.name)
    for reader in readers:
        assert (await reader.GetFlightPlan(get)).flight_plan.name == plan.name
        found = (await reader.ListFlightPlans(pb.ListFlightPlansRequest(parent="operators/-"))).flight_plans
        assert plan.name in {one.name for one in found}
    async with asyncio.timeout(60):
        async for change in watch:
            if change.flight_plan.name == plan.name:
                break
    assert (await refusal(stranger.GetFlightPlan(get))).reason == "NOT_FOUND"
    found = (await stranger.ListFlightPlans(pb.ListFlightPlansRequest(parent="operators/-"))).flight_plans
    assert not found
    withdrawal = pb.WithdrawFlightPlanRequest(request_id=str(uuid4()), name=plan.name, etag=plan.etag)
    for reader in readers:
        assert (await refusal(reader.WithdrawFlightPlan(withdrawal))).reason == "ROLE_MISSING"


async def test_a_plan_is_reviewed_when_its_permitted_airspace_goes(city: City) -> None:
    dataset = new_dataset()
    zone = ed269_zone("second", ring(16.6, 48.2, 0.1), restriction="NO_RESTRICTION", zoneAuthority=[])
    elsewhere = ed269_zone("far", ring(16.8, 48.8, 0.1), restriction="NO_RESTRICTION", zoneAuthority=[])
    imported = (await city.publisher.publish(dataset, file_of([zone, elsewhere]))).dataset
    city.world.revision = imported.airspace_revision
    await city.world.wait_for_revision()
    plan = (await city.world.submit((16.65, 48.25))).flight_plan
    await city.world.wait_state(plan.name, "APPROVED")
    await city.publisher.replace(dataset, file_of([elsewhere]))
    await city.world.wait_state(plan.name, "UNDER_REVIEW")


async def test_a_plan_that_leaves_permitted_airspace_needs_the_authority_of_the_area(city: City) -> None:
    (finding,) = await city.found(LEAVING)
    assert (finding.rule, finding.subject) == (Rule.RULE_AREA_DEFAULT, city.publisher.authority)
    assert list(finding.volumes) == [0, 1, 2]
    plan = (await city.world.submit(LEAVING)).flight_plan
    assert list(plan.deciding_authorities) == [city.publisher.authority]
    await city.world.wait_state(plan.name, "UNDER_REVIEW")


async def test_a_plan_outside_every_area_is_rejected(city: City) -> None:
    (finding,) = await city.found(OUTSIDE)
    assert (finding.rule, finding.subject) == (Rule.RULE_NOBODYS_AREA, "")
    assert (await city.world.submit(OUTSIDE)).flight_plan.state == pb.STATE_REJECTED


async def test_a_worker_that_starts_anew_knows_the_areas_before_it_decides(city: City) -> None:
    await city.world.installation.kill("flightplans")
    await city.world.installation.restart("flightplans")
    assert [finding.rule for finding in await city.found(OUTSIDE)] == [Rule.RULE_NOBODYS_AREA]


async def test_a_default_is_changed_with_the_area(city: City) -> None:
    assert not (await city.state_area(None)).area.HasField("default_rule")

    async def open_() -> bool:
        return not await _told(city, LEAVING)

    await eventually(open_, what="an area without a default known to flightplans")
    assert await city.found(LEAVING) == []


async def test_who_reads_a_stored_plan_follows_the_areas(city: City) -> None:
    world, authority = city.world, city.publisher.authority
    await city.state_area(None)
    await eventually(lambda: _free(city, LEAVING), what="an area without a default known to flightplans")
    other = await new_publisher(world.installation, "Suburb")
    plan = (await world.submit(LEAVING)).flight_plan
    await world.wait_state(plan.name, "APPROVED")
    get = pb.GetFlightPlanRequest(name=plan.name)
    assert (await world.officer(authority).GetFlightPlan(get)).flight_plan.name == plan.name
    assert (await refusal(world.officer(other.authority).GetFlightPlan(get))).reason == "NOT_FOUND"
    await City(world, other).state_area(None)

    async def is_read() -> bool:
        found = await world.officer(other.authority).ListFlightPlans(pb.ListFlightPlansRequest(parent="operators/-"))
        return plan.name in {one.name for one in found.flight_plans}

    await eventually(is_read, what="the plan read by the authority of the new area")
    assert (await world.stub().GetFlightPlan(get)).flight_plan.touched_authorities == sorted(
        [authority, other.authority]
    )
    await City(world, other).state_area(None, square(10, 40, 11, 41))

    async def is_read_no_more() -> bool:
        return not await is_read()

    await eventually(is_read_no_more, what="the plan hidden from the authority whose area has moved away")
    assert await world.told_of(plan.name) == ["submitted", "approved"], "nothing that was decided has changed"


async def test_plans_are_checked_again_when_an_area_or_its_default_changes(city: City) -> None:
    """Moved where they are touched, told once, and left alone otherwise."""
    world, authority = city.world, city.publisher.authority
    await city.state_area(None)
    await eventually(lambda: _free(city, LEAVING), what="an area without a default known to flightplans")
    granted, inside = (await world.submit(LEAVING)).flight_plan, (await world.submit(INSIDE)).flight_plan
    for plan in (granted, inside):
        await world.wait_state(plan.name, "APPROVED")
    await city.state_area(authorities.AreaDefault(authorization_required=True))
    reviewed = await world.wait_state(granted.name, "UNDER_REVIEW")
    (finding,) = reviewed.findings
    assert (finding.rule, finding.subject) == (Rule.RULE_AREA_DEFAULT, authority)
    assert authority in reviewed.state_reason
    assert await world.state_of(inside.name) == "APPROVED"

    # The same area once more, by an update of something else, and by a worker that starts anew.
    request = authorities.UpdateAuthorityRequest(
        request_id=str(uuid4()),
        authority=authorities.Authority(name=authority, filing_horizon_days=20),
        update_mask=FieldMask(paths=["filing_horizon_days"]),
    )
    await administration(world.installation).UpdateAuthority(request)
    await world.installation.kill("flightplans")
    await world.installation.restart("flightplans")
    await city.state_area(authorities.AreaDefault(authorization_required=True), square(16, 48, 16.37, 49))
    gone = await world.wait_state(granted.name, "REJECTED")
    assert [one.rule for one in gone.findings] == [Rule.RULE_NOBODYS_AREA]
    assert await world.state_of(inside.name) == "APPROVED"
    told = await world.told_of(granted.name)
    assert [what for what in told if what != "put-under-review"] == ["submitted", "approved", "reopened", "rejected"]
    assert await world.told_of(inside.name) == ["submitted", "approved", "reassessed"]

    # The smaller area no longer holds the other one either.
    await city.state_area(authorities.AreaDefault(authorization_required=True), square(16, 48, 16.1, 49))
    assert "nobody's area" in (await world.wait_state(inside.name, "RESCINDED")).state_reason


async def _free(city: City, at: tuple[float, float]) -> bool:
    return not await _told(city, at)
