"""Aircraft through gRPC, from registration to retirement."""

from __future__ import annotations

import asyncio

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from lowsky.api.registration.v1 import aircraft_pb2 as pb
from lowsky.api.registration.v1 import operators_pb2
from tests.integration.registration.calls import (
    Registration,
    an_aircraft,
    new_request_id,
    register_request,
)
from tests.support.errors import Failure, outcome, refusal


def retire_request(name: str, etag: str = "") -> pb.RetireAircraftRequest:
    return pb.RetireAircraftRequest(request_id=new_request_id(), name=name, etag=etag)


def update_request(name: str, paths: list[str], **changes: object) -> pb.UpdateAircraftRequest:
    return pb.UpdateAircraftRequest(
        request_id=new_request_id(),
        aircraft=pb.Aircraft(name=name, **changes),  # type: ignore[arg-type]
        update_mask=FieldMask(paths=paths),
    )


def deregister_request(name: str) -> operators_pb2.DeregisterOperatorRequest:
    return operators_pb2.DeregisterOperatorRequest(request_id=new_request_id(), name=name, reason="dissolved")


async def test_an_operator_registers_an_aircraft(registration: Registration) -> None:
    operator = await registration.new_operator()
    mine = registration.aircraft_for(operator.name)
    wanted = an_aircraft(cn_product_id="TSTA0001ABCDEFGHJKLM", max_height_m=120.0, eu_class=pb.Aircraft.EU_CLASS_C2)
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


async def test_what_the_caller_says_of_category_and_state_counts_for_nothing(registration: Registration) -> None:
    operator = await registration.new_operator()
    registered = await registration.new_aircraft(
        operator.name, category=pb.Aircraft.CATEGORY_MICRO, state=pb.Aircraft.STATE_RETIRED, name="x", etag="9"
    )
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
    ("field", "value", "problem"),
    [
        ("serial_number", "TSTA8123", "LENGTH_CODE_MISMATCH"),
        ("serial_number", "TSTA", "WRONG_LENGTH"),
        ("serial_number", "TSTA0123", "WRONG_LENGTH_CODE"),
        ("serial_number", "tsta812345678", "WRONG_ALPHABET"),
        ("cn_product_id", "TSTA0001", "WRONG_LENGTH"),
        ("cn_product_id", "TSTA0001OBCDEFGHJKLM", "WRONG_ALPHABET"),
    ],
)
async def test_a_malformed_identifier_is_refused_with_its_field_and_problem(
    registration: Registration, field: str, value: str, problem: str
) -> None:
    operator = await registration.new_operator()
    request = register_request(operator.name, an_aircraft(**{field: value}))
    error = await refusal(registration.aircraft_for(operator.name).RegisterAircraft(request))
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_IDENTIFIER")
    assert error.fields == {f"aircraft.{field}": "MALFORMED_IDENTIFIER"}
    assert error.metadata["problem"] == problem


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


async def test_a_serial_number_flies_under_one_registration(registration: Registration) -> None:
    seller, buyer = await registration.new_operator(), await registration.new_operator()
    aircraft = await registration.new_aircraft(seller.name)
    again = an_aircraft(serial_number=aircraft.serial_number)
    error = await refusal(registration.aircraft_for(buyer.name).RegisterAircraft(register_request(buyer.name, again)))
    assert (error.code, error.reason) == (grpc.StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS")
    assert error.fields == {"aircraft.serial_number": "ALREADY_EXISTS"}
    assert seller.name not in error.message


async def test_a_retired_airframe_can_be_registered_by_its_next_owner(registration: Registration) -> None:
    seller, buyer = await registration.new_operator(), await registration.new_operator()
    aircraft = await registration.new_aircraft(seller.name)
    await registration.aircraft_for(seller.name).RetireAircraft(retire_request(aircraft.name))
    registered = await registration.new_aircraft(buyer.name, serial_number=aircraft.serial_number)
    assert registered.state == pb.Aircraft.STATE_ACTIVE
    assert registered.serial_number == aircraft.serial_number


async def test_of_registrations_of_one_airframe_at_once_one_is_made(registration: Registration) -> None:
    operators = [await registration.new_operator() for _ in range(4)]
    airframe = an_aircraft()

    outcomes = await asyncio.gather(
        *(
            outcome(registration.aircraft_for(name).RegisterAircraft(register_request(name, airframe)))
            for name in [operator.name for operator in operators * 2]
        )
    )
    refused = [answer for answer in outcomes if isinstance(answer, Failure)]
    assert len(refused) == len(outcomes) - 1
    assert {failure.reason for failure in refused} == {"ALREADY_EXISTS"}


async def test_a_name_that_is_taken_is_refused(registration: Registration) -> None:
    operator = await registration.new_operator()
    mine = registration.aircraft_for(operator.name)
    await mine.RegisterAircraft(register_request(operator.name, an_aircraft(), aircraft_id="one"))
    error = await refusal(mine.RegisterAircraft(register_request(operator.name, an_aircraft(), aircraft_id="one")))
    assert error.fields == {"aircraft_id": "ALREADY_EXISTS"}


async def test_the_category_follows_an_update(registration: Registration) -> None:
    operator = await registration.new_operator()
    aircraft = await registration.new_aircraft(operator.name)
    request = update_request(
        aircraft.name, ["max_takeoff_mass_kg", "model"], max_takeoff_mass_kg=7.1, model="T2", etag=aircraft.etag
    )
    updated = (await registration.aircraft_for(operator.name).UpdateAircraft(request)).aircraft
    assert (updated.category, updated.model) == (pb.Aircraft.CATEGORY_SMALL, "T2")
    assert (updated.empty_mass_kg, updated.serial_number) == (aircraft.empty_mass_kg, aircraft.serial_number)
    assert updated.etag != aircraft.etag


async def test_a_height_limit_is_set_and_cleared(registration: Registration) -> None:
    operator = await registration.new_operator()
    mine = registration.aircraft_for(operator.name)
    aircraft = await registration.new_aircraft(operator.name, empty_mass_kg=0.2, max_speed_mps=10.0)
    assert aircraft.category == pb.Aircraft.CATEGORY_LIGHT
    limited = await mine.UpdateAircraft(update_request(aircraft.name, ["max_height_m"], max_height_m=50.0))
    assert (limited.aircraft.max_height_m, limited.aircraft.category) == (50.0, pb.Aircraft.CATEGORY_MICRO)
    unlimited = await mine.UpdateAircraft(update_request(aircraft.name, ["max_height_m"]))
    assert not unlimited.aircraft.HasField("max_height_m")
    assert unlimited.aircraft.category == pb.Aircraft.CATEGORY_LIGHT


async def test_an_update_obeys_the_rules_of_the_whole(registration: Registration) -> None:
    operator = await registration.new_operator()
    mine = registration.aircraft_for(operator.name)
    aircraft = await registration.new_aircraft(operator.name)
    too_light = update_request(aircraft.name, ["max_takeoff_mass_kg"], max_takeoff_mass_kg=2.0)
    error = await refusal(mine.UpdateAircraft(too_light))
    assert error.fields == {"aircraft.max_takeoff_mass_kg": "INVALID_FIELD"}
    error = await refusal(mine.UpdateAircraft(update_request(aircraft.name, ["max_speed_mps"])))
    assert error.fields == {"aircraft.max_speed_mps": "INVALID_FIELD"}
    error = await refusal(mine.UpdateAircraft(update_request(aircraft.name, ["serial_number"], serial_number="X")))
    assert error.reason == "INVALID_FIELD"


async def test_a_stale_etag_is_refused(registration: Registration) -> None:
    operator = await registration.new_operator()
    mine = registration.aircraft_for(operator.name)
    aircraft = await registration.new_aircraft(operator.name)
    await mine.UpdateAircraft(update_request(aircraft.name, ["model"], model="T2"))
    for call in (
        mine.UpdateAircraft(update_request(aircraft.name, ["model"], model="T3", etag=aircraft.etag)),
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
        mine.UpdateAircraft(update_request(aircraft.name, ["model"], model="T3")),
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

    events = await registration.installation.events("lowsky.operators.v1")
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
