"""What registration is given of people and their numbers never stands in the log of the database."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable
from contextlib import suppress
from pathlib import Path

import grpc
import pytest

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.registration.v1 import operators_pb2 as pb
from tests.integration.registration.calls import (
    Registration,
    an_aircraft,
    an_operator,
    create_request,
    entitle_request,
    eu_number_of,
    new_request_id,
    register_request,
    retire_request,
    serial_of,
    update_aircraft_request,
    update_request,
)
from tests.support.errors import refusal
from tests.support.identifiers import new_eu_number, new_serial_number


async def database_log(registration: Registration) -> Path:
    """The server's log file, where it is on this machine as the local stack writes it."""
    async with registration.installation.connection() as connection:
        data = Path(str(await connection.fetchval("SHOW data_directory")))
        # Whatever the server was told, the service's own sessions keep values out of its log.
        name = await connection.fetchval("SELECT current_database()")
        await connection.execute(f'ALTER DATABASE "{name}" SET log_parameter_max_length_on_error = -1')
    log = data.parent.parent / "log" / "postgres.log"
    if not log.is_file():
        pytest.skip(f"the log of the database server is not at {log}")
    return log


async def test_nothing_that_is_planted_stands_in_the_log_of_the_database(registration: Registration) -> None:
    log = await database_log(registration)
    await registration.installation.stop("registration")
    await registration.installation.restart("registration")
    begin = log.stat().st_size
    word = "q" + secrets.token_hex(6)
    number, serial = new_eu_number("w9k"), new_serial_number()
    contact = pb.Contact(person_name=f"Li {word}", email=f"{word}@example.com", phone="+862199887766")
    planted = an_operator(display_name=f"Drones {word}", identifiers=[eu_number_of(number)], contact=contact)

    created = (await registration.for_registrar.CreateOperator(create_request(planted, operator_id=word))).operator
    for again in (create_request(planted, operator_id=word), create_request(planted)):
        assert (await refusal(registration.for_registrar.CreateOperator(again))).reason == "ALREADY_EXISTS"
    name = created.name
    verify = pb.VerifyOperatorRequest(request_id=new_request_id(), name=name)
    await registration.for_registrar.VerifyOperator(verify)
    await registration.operators_for(name).UpdateOperator(update_request(name, ["contact"], contact=contact))
    await registration.for_registrar.EntitleOperator(
        entitle_request(name, assessment_pb2.PRIORITY_MEDICAL, reason=word)
    )

    fleet = registration.aircraft_for(name)
    drone = an_aircraft(identifiers=[serial_of(serial)], model=word)
    aircraft = (await fleet.RegisterAircraft(register_request(name, drone, aircraft_id=word))).aircraft
    for other in (register_request(name, drone, aircraft_id=word), register_request(name, drone)):
        assert (await refusal(fleet.RegisterAircraft(other))).reason == "ALREADY_EXISTS"
    await fleet.UpdateAircraft(update_aircraft_request(aircraft.name, ["model"], model=f"{word} 2"))

    # A statement that fails is logged: here each waits for a lock longer than it may.
    async with registration.installation.connection() as connection, connection.transaction():
        await connection.execute("LOCK TABLE registration.operators, registration.aircraft IN SHARE MODE")
        fresh = an_operator(display_name=word, identifiers=[eu_number_of(new_eu_number("w9k"))], contact=contact)
        await asyncio.gather(
            failed(registration.for_registrar.CreateOperator(create_request(fresh))),
            failed(registration.operators_for(name).UpdateOperator(update_request(name, ["contact"], contact=contact))),
            failed(fleet.RegisterAircraft(register_request(name, an_aircraft(model=word)))),
            failed(fleet.RetireAircraft(retire_request(aircraft.name))),
        )
    for request in (
        pb.SuspendOperatorRequest(request_id=new_request_id(), name=name, reason=word),
        pb.ReinstateOperatorRequest(request_id=new_request_id(), name=name, reason=word),
        pb.DeregisterOperatorRequest(request_id=new_request_id(), name=name, reason=word),
    ):
        await getattr(registration.for_registrar, type(request).__name__.removesuffix("Request"))(request)

    with log.open("rb") as file:
        file.seek(begin)
        said = file.read().decode(errors="replace")
    assert "INSERT INTO operators" in said, "the statements that failed are in the log"
    for secret in (word, number, number[:16], "w9k", serial, contact.phone):
        assert secret not in said


async def failed(call: Awaitable[object]) -> None:
    with suppress(grpc.aio.AioRpcError):
        await asyncio.wait_for(call, 60)
        raise AssertionError("it was to wait for the lock in vain")
