"""What the law asks of a flight, when it is submitted and when it is activated."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.registration.v1 import aircraft_pb2
from tests.integration.flightplans.world import (
    EAST,
    NORTH,
    PORT,
    TOWER,
    World,
    a_free_place,
    aircraft,
    authority,
    in_,
    operator,
    state,
    submission,
)
from tests.support.errors import refusal
from tests.support.polling import eventually

Rule = assessment_pb2.Finding.Rule


async def test_a_plan_that_does_not_say_whether_it_is_commercial_is_no_request(world: World) -> None:
    request = submission()
    request.flight_plan.ClearField("commercial")
    failure = await refusal(world.stub().SubmitFlightPlan(request))
    assert (failure.code.name, list(failure.fields)) == ("INVALID_ARGUMENT", ["flight_plan.commercial"])
    request.flight_plan.commercial = False
    assert state((await world.stub().SubmitFlightPlan(request)).flight_plan) == "SUBMITTED"


@pytest.mark.parametrize(
    ("lacking", "category", "commercial", "reasons"),
    [
        (["insurance_expire_time"], "SMALL", False, ["INSURANCE_MISSING"]),
        (["insurance_expire_time"], "LIGHT", True, ["INSURANCE_MISSING"]),
        (["insurance_expire_time"], "LIGHT", False, []),
        (["certificate"], "LIGHT", False, ["CERTIFICATE_MISSING"]),
        (["certificate"], "MICRO", True, []),
        (["insurance_expire_time", "certificate"], "SMALL", True, ["INSURANCE_MISSING", "CERTIFICATE_MISSING"]),
    ],
)
async def test_an_operator_that_states_no_document_flies_what_needs_none(
    world: World, lacking: list[str], category: str, commercial: bool, reasons: list[str]
) -> None:
    name = f"operators/o-{uuid4()}"
    drone = f"{name}/aircraft/a"
    kind = aircraft_pb2.Aircraft.Category.Value(f"CATEGORY_{category}")
    await world.tell([operator(name, lacking=lacking), aircraft(drone, category=kind)])
    call = world.stub(operator=name).SubmitFlightPlan(
        submission(a_free_place(), parent=name, aircraft=drone, commercial=commercial)
    )
    if not reasons:
        assert state((await call).flight_plan) == "SUBMITTED"
        return
    failure = await refusal(call)
    assert (failure.code.name, failure.reason) == ("FAILED_PRECONDITION", reasons[0])
    assert list(failure.fields) == ["parent"]
    titles = {"INSURANCE_MISSING": "liability insurance", "CERTIFICATE_MISSING": "operation certificate"}
    assert [title in failure.message for title in titles.values()] == [reason in reasons for reason in titles]
    assert "Interim Regulation" in failure.metadata["source"]


async def test_what_the_request_lacks_rejects_the_plan_and_is_named(world: World) -> None:
    request = submission(a_free_place(), alternate_landing_sites=[], emergency_procedure="")
    plan = (await world.stub().SubmitFlightPlan(request)).flight_plan
    assert state(plan) == "REJECTED"
    (finding,) = plan.findings
    assert (finding.rule, finding.severity) == (Rule.RULE_CONTENT_MISSING, assessment_pb2.Finding.SEVERITY_BLOCKING)
    assert list(finding.fields) == ["alternate_landing_sites", "emergency_procedure"]
    assert "Art. 27" in finding.message
    read = (await world.stub().GetFlightPlan(pb.GetFlightPlanRequest(name=plan.name))).flight_plan
    assert list(read.findings) == [finding]
    complete = submission(a_free_place(), mode=pb.FlightPlan.MODE_VLOS)
    assert state((await world.stub().SubmitFlightPlan(complete)).flight_plan) == "SUBMITTED"


async def test_the_law_is_that_of_the_country_whose_authority_a_zone_names(world: World) -> None:
    await world.tell([authority(PORT, "NLD")])

    async def missing(at: tuple[float, float]) -> set[str]:
        plan = (await world.submit(at, validate_only=True, endurance=None, command_links=[])).flight_plan
        return {field for finding in plan.findings for field in finding.fields}

    async def dutch() -> bool:
        return await missing(NORTH) == {"endurance"}

    await eventually(dutch, what="the law of the European Union in the zone of the port")
    assert await missing(EAST) == {"command_links"}  # the tower's authority is not known: that of the installation


async def test_each_authority_says_how_far_ahead_it_takes_plans(world: World) -> None:
    await world.tell([authority(TOWER, "CHN", 90)])

    async def taken() -> bool:
        plan = (await world.submit(EAST, departure=in_(days=89, hours=23), validate_only=True)).flight_plan
        return state(plan) == "SUBMITTED"

    async def heard() -> bool:
        try:
            return await taken()
        except Exception as error:
            assert "START_TOO_FAR_AHEAD" in str(error)
            return False

    await eventually(heard, what="the horizon of the tower")
    failure = await refusal(world.submit(EAST, departure=in_(days=90, minutes=1)))
    assert failure.reason == "START_TOO_FAR_AHEAD"
    assert failure.metadata["authority"] == TOWER
    assert "The tower" in failure.message
    failure = await refusal(world.submit(departure=in_(days=30, minutes=1)))  # where no authority is met
    assert (failure.reason, "authority" in failure.metadata) == ("START_TOO_FAR_AHEAD", False)


async def test_documents_that_are_gone_since_the_approval_keep_the_flight_on_the_ground(world: World) -> None:
    name = f"operators/o-{uuid4()}"
    drone = f"{name}/aircraft/a"
    await world.tell([operator(name), aircraft(drone)])
    stub = world.stub(operator=name)
    request = submission(a_free_place(), parent=name, aircraft=drone, departure=in_(seconds=20))
    plan = (await stub.SubmitFlightPlan(request)).flight_plan
    await world.verdict(plan, "granted", automatic=True)

    async def is_approved() -> bool:
        return state((await stub.GetFlightPlan(pb.GetFlightPlanRequest(name=plan.name))).flight_plan) == "APPROVED"

    await eventually(is_approved, what="the approval")
    early = plan.time_end.ToDatetime() - timedelta(seconds=1)
    for told, reason in [
        (operator(name, lacking=["insurance_expire_time"]), "INSURANCE_MISSING"),
        (operator(name, lacking=["certificate"]), "CERTIFICATE_MISSING"),
        (operator(name, insured_until=early), "INSURANCE_EXPIRED"),
    ]:
        await world.tell([told])

        async def grounded(reason: str = reason) -> bool:
            activate = pb.ActivateFlightPlanRequest(name=plan.name, request_id=str(uuid4()))
            return (await refusal(stub.ActivateFlightPlan(activate))).reason == reason

        await eventually(grounded, what=reason)
