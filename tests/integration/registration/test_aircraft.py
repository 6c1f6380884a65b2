"""Aircraft through gRPC, from registration to retirement."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from lowsky.api.registration.v1 import aircraft_pb2 as pb
from lowsky.api.registration.v1 import operators_pb2
from lowsky.events import topics
from tests.integration.registration.calls import (
    Registration,
    an_aircraft,
    new_request_id,
    product_id_of,
    register_request,
    retire_request,
    serial_of,
    update_aircraft_request,
)
from tests.support.errors import Failure, outcome, refusal
from tests.support.identifiers import new_product_id, new_serial_number


def deregister_request(name: str) -> operators_pb2.DeregisterOperatorRequest:
    return operators_pb2.DeregisterOperatorRequest(request_id=new_request_id(), name=name, reason="dissolved")


async def test_an_operator_registers_an_aircraft(registration: Registration) -> None:
    operator = await registration.new_operator()
    mine = registration.aircraft_for(operator.name)
    wanted = an_aircraft(
        identifiers=[serial_of(new_serial_number()), product_id_of(new_product_id())],
        max_height_m=120.0,
        eu_class=pb.Aircraft.EU_CLASS_C2,
    )
    registered = (await mine.RegisterAircraft(register_request(operator.name, wanted, aircraft_id="one"))).aircraft
    assert registered.name == f"{operator.name}/aircraft/one"
    assert registered.state == pb.Aircraft.STATE_ACTIVE
    assert registered.category == pb.Aircraft.CATEGORY_LIGHT
    for field in set(wanted.DESCRIPTOR.fields_by_name) - {"name", "etag", "category", "state"}:
        if not field.endswith("_time"):
            assert getattr(registered, field) == getattr(wanted, field), field
    assert (await mine.GetAircraft(pb.GetAircraftRequest(name=registered.name))).aircraft == registered


async def test_an_operator_that_waits_for_verification_may_register_aircraft(registration: Registration) -> None:
    operator = await registration.new_operator(verified=False)
    assert (await registration.new_aircraft(operator.name)).state == pb.Aircraft.STATE_ACTIVE


async def test_category_and_state_are_not_the_callers_to_say(registration: Registration) -> None:
    operator = await registration.new_operator()
    said = an_aircraft(category=pb.Aircraft.CATEGORY_MICRO, state=pb.Aircraft.STATE_RETIRED)
    request = register_request(operator.name, said)
    error = await refusal(registration.aircraft_for(operator.name).RegisterAircraft(request))
    assert error.fields.keys() == {"aircraft.category", "aircraft.state"}
    registered = await registration.new_aircraft(operator.name)
    assert (registered.category, registered.state) == (pb.Aircraft.CATEGORY_LIGHT, pb.Aircraft.STATE_ACTIVE)


async def test_nothing_is_registered_under_an_unknown_operator(registration: Registration) -> None:
    request = register_request("operators/none", an_aircraft())
    error = await refusal(registration.aircraft_for("operators/none").RegisterAircraft(request))
    assert (error.code, error.metadata) == (grpc.StatusCode.NOT_FOUND, {"resource": "operators/none"})


async def test_nothing_is_registered_under_another_operator(registration: Registration) -> None:
    operator = await registration.new_operator()
    request = register_request(operator.name, an_aircraft())
    error = await refusal(registration.aircraft_for("operators/another").RegisterAircraft(request))
    assert (error.code, error.reason) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")


async def test_an_operator_whose_name_only_begins_alike_reaches_nothing(registration: Registration) -> None:
    operator = await registration.new_operator()
    aircraft = await registration.new_aircraft(operator.name)
    prefix = registration.aircraft_for(operator.name[:-1])
    error = await refusal(prefix.GetAircraft(pb.GetAircraftRequest(name=aircraft.name)))
    assert error.code is grpc.StatusCode.NOT_FOUND


async def test_the_registrar_reads_but_does_not_register(registration: Registration) -> None:
    operator = await registration.new_operator()
    aircraft = await registration.new_aircraft(operator.name)
    registrar = registration.aircraft_for_registrar
    assert (await registrar.GetAircraft(pb.GetAircraftRequest(name=aircraft.name))).aircraft == aircraft
    error = await refusal(registrar.RegisterAircraft(register_request(operator.name, an_aircraft())))
    assert error.reason == "ROLE_MISSING"


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("empty_mass_kg", {"empty_mass_kg": 0.0}),
        ("empty_mass_kg", {"empty_mass_kg": float("nan")}),
        ("max_takeoff_mass_kg", {"max_takeoff_mass_kg": 2.9}),
        ("max_speed_mps", {"max_speed_mps": -1.0}),
        ("max_height_m", {"max_height_m": 0.0}),
        ("model", {"model": ""}),
        ("model", {"model": "a\0b"}),
        ("eu_class", {"eu_class": 99}),
    ],
)
async def test_a_value_that_cannot_be_is_refused_with_its_field(
    registration: Registration, field: str, changes: dict[str, object]
) -> None:
    operator = await registration.new_operator()
    request = register_request(operator.name, an_aircraft(**changes))
    error = await refusal(registration.aircraft_for(operator.name).RegisterAircraft(request))
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert error.fields.keys() == {f"aircraft.{field}"}


async def test_a_name_that_is_taken_is_refused(registration: Registration) -> None:
    operator = await registration.new_operator()
    mine = registration.aircraft_for(operator.name)
    await mine.RegisterAircraft(register_request(operator.name, an_aircraft(), aircraft_id="one"))
    error = await refusal(mine.RegisterAircraft(register_request(operator.name, an_aircraft(), aircraft_id="one")))
    assert error.fields == {"aircraft_id": "ALREADY_EXISTS"}


async def test_the_category_follows_an_update(registration: Registration) -> None:
    operator = await registration.new_operator()
    aircraft = await registration.new_aircraft(operator.name)
    request = update_aircraft_request(
        aircraft.name, ["max_takeoff_mass_kg", "model"], max_takeoff_mass_kg=7.1, model="T2", etag=aircraft.etag
    )
    updated = (await registration.aircraft_for(operator.name).UpdateAircraft(request)).aircraft
    assert (updated.category, updated.model) == (pb.Aircraft.CATEGORY_SMALL, "T2")
    assert (updated.empty_mass_kg, updated.identifiers) == (aircraft.empty_mass_kg, aircraft.identifiers)
    assert updated.etag != aircraft.etag


async def test_a_height_limit_is_set_and_cleared(registration: Registration) -> None:
    operator = await registration.new_operator()
    mine = registration.aircraft_for(operator.name)
    aircraft = await registration.new_aircraft(operator.name, empty_mass_kg=0.2, max_speed_mps=10.0)
    assert aircraft.category == pb.Aircraft.CATEGORY_LIGHT
    limited = await mine.UpdateAircraft(update_aircraft_request(aircraft.name, ["max_height_m"], max_height_m=50.0))
    assert (limited.aircraft.max_height_m, limited.aircraft.category) == (50.0, pb.Aircraft.CATEGORY_MICRO)
    unlimited = await mine.UpdateAircraft(update_aircraft_request(aircraft.name, ["max_height_m"]))
    assert not unlimited.aircraft.HasField("max_height_m")
    assert unlimited.aircraft.category == pb.Aircraft.CATEGORY_LIGHT


async def test_an_update_obeys_the_rules_of_the_whole(registration: Registration) -> None:
    operator = await registration.new_operator()
    mine = registration.aircraft_for(operator.name)
    aircraft = await registration.new_aircraft(operator.name)
    too_light = update_aircraft_request(aircraft.name, ["max_takeoff_mass_kg"], max_takeoff_mass_kg=2.0)
    error = await refusal(mine.UpdateAircraft(too_light))
    assert error.fields == {"aircraft.max_takeoff_mass_kg": "INVALID_FIELD"}
    error = await refusal(mine.UpdateAircraft(update_aircraft_request(aircraft.name, ["max_speed_mps"])))
    assert error.fields == {"aircraft.max_speed_mps": "INVALID_FIELD"}
    error = await refusal(mine.UpdateAircraft(update_aircraft_request(aircraft.name, ["category"])))
    assert error.reason == "INVALID_FIELD"


async def test_a_stale_etag_is_refused(registration: Registration) -> None:
    operator = await registration.new_operator()
    mine = registration.aircraft_for(operator.name)
    aircraft = await registration.new_aircraft(operator.name)
    await mine.UpdateAircraft(update_aircraft_request(aircraft.name, ["model"], model="T2"))
    for call in (
        mine.UpdateAircraft(update_aircraft_request(aircraft.name, ["model"], model="T3", etag=aircraft.etag)),
        mine.RetireAircraft(retire_request(aircraft.name, aircraft.etag)),
    ):
        error = await refusal(call)
        assert (error.code, error.reason) == (grpc.StatusCode.ABORTED, "STALE_ETAG")


async def test_a_retired_aircraft_changes_no_more(registration: Registration) -> None:
    operator = await registration.new_operator()
    mine = registration.aircraft_for(operator.name)
    aircraft = await registration.new_aircraft(operator.name)
    retired = (await mine.RetireAircraft(retire_request(aircraft.name, aircraft.etag))).aircraft
    assert retired.state == pb.Aircraft.STATE_RETIRED
    for call in (
        mine.UpdateAircraft(update_aircraft_request(aircraft.name, ["model"], model="T3")),
        mine.RetireAircraft(retire_request(aircraft.name)),
    ):
        error = await refusal(call)
        assert (error.reason, error.metadata["state"]) == ("ILLEGAL_MOVE", "RETIRED")


async def test_a_fleet_retires_with_its_operator_and_nothing_joins_it(registration: Registration) -> None:
    operator, other = await registration.new_operator(), await registration.new_operator()
    fleet = [await registration.new_aircraft(operator.name) for _ in range(3)]
    kept = await registration.new_aircraft(other.name)
    await registration.aircraft_for(operator.name).RetireAircraft(retire_request(fleet[0].name))
    await registration.for_registrar.DeregisterOperator(deregister_request(operator.name))

    registrar = registration.aircraft_for_registrar
    listed = (await registrar.ListAircraft(pb.ListAircraftRequest(parent=operator.name))).aircraft
    assert {aircraft.state for aircraft in listed} == {pb.Aircraft.STATE_RETIRED}
    assert len(listed) == 3
    assert (await registrar.GetAircraft(pb.GetAircraftRequest(name=kept.name))).aircraft == kept
    request = register_request(operator.name, an_aircraft())
    error = await refusal(registration.aircraft_for(operator.name).RegisterAircraft(request))
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "OPERATOR_NOT_IN_GOOD_STANDING")
    assert error.metadata == {"resource": operator.name, "state": "DEREGISTERED"}

    events = await registration.installation.events_so_far(topics.OPERATORS)
    told = [event.type for event, _ in events if event.key == fleet[1].name]
    assert told == ["lowsky.aircraft.registered.v1", "lowsky.aircraft.retired.v1"]


async def test_no_aircraft_outlives_its_operators_deregistration(registration: Registration) -> None:
    """Registrations race the deregistration: each is either refused or retired."""
    operator = await registration.new_operator()
    mine = registration.aircraft_for(operator.name)

    async def register() -> str:
        answer = await outcome(mine.RegisterAircraft(register_request(operator.name, an_aircraft())))
        return answer.reason if isinstance(answer, Failure) else ""

    registrations = [asyncio.create_task(register()) for _ in range(10)]
    deregistration = registration.for_registrar.DeregisterOperator(deregister_request(operator.name))
    reasons, _ = await asyncio.gather(asyncio.gather(*registrations, *(register() for _ in range(10))), deregistration)
    assert set(reasons) <= {"", "OPERATOR_NOT_IN_GOOD_STANDING"}
    listed = await registration.aircraft_for_registrar.ListAircraft(
        pb.ListAircraftRequest(parent=operator.name, page_size=1000)
    )
    assert not [aircraft for aircraft in listed.aircraft if aircraft.state != pb.Aircraft.STATE_RETIRED]
