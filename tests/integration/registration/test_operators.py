"""Operators through gRPC, from application to deregistration."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.registration.v1 import operators_pb2 as pb
from tests.integration.registration.calls import (
    Registration,
    an_operator,
    create_request,
    entitle_request,
    new_request_id,
    update_request,
)
from tests.support.errors import Failure, outcome, refusal


async def test_an_applicant_creates_an_operator_that_waits_for_the_registrar(registration: Registration) -> None:
    applicant = registration.operators(registration.installation.token(roles=["applicant"], subject="zhang"))
    wanted = an_operator(insurance_expire_time={"seconds": 1_900_000_000})
    created = (await applicant.CreateOperator(create_request(wanted, operator_id="delta-drones"))).operator
    assert created.name == "operators/delta-drones"
    assert created.state == pb.Operator.STATE_APPLIED
    assert created.create_time == created.update_time
    for field in ("display_name", "kind", "identifiers", "contact", "insurance_expire_time", "certificate"):
        assert getattr(created, field) == getattr(wanted, field), field
    assert (await applicant.GetOperator(pb.GetOperatorRequest(name=created.name))).operator == created


async def test_a_name_is_made_up_where_none_is_wanted(registration: Registration) -> None:
    created = await registration.new_operator(verified=False)
    assert created.name.removeprefix("operators/")


async def test_an_applicant_sees_only_what_it_applied_for(registration: Registration) -> None:
    somebodys = await registration.new_operator()
    applicant = registration.operators(registration.installation.token(roles=["applicant"], subject="wang"))
    error = await refusal(applicant.GetOperator(pb.GetOperatorRequest(name=somebodys.name)))
    assert (error.code, error.reason) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")


async def test_what_is_anothers_and_what_is_not_there_look_alike(registration: Registration) -> None:
    somebodys = await registration.new_operator()
    other = registration.operators_for("operators/another")
    theirs = await refusal(other.GetOperator(pb.GetOperatorRequest(name=somebodys.name)))
    none = await refusal(other.GetOperator(pb.GetOperatorRequest(name="operators/none")))
    assert theirs.message.replace(somebodys.name, "X") == none.message.replace("operators/none", "X")
    assert (theirs.code, theirs.reason, theirs.fields) == (none.code, none.reason, none.fields)


async def test_the_registrar_moves_an_operator_through_its_states(registration: Registration) -> None:
    registrar = registration.for_registrar
    name = (await registration.new_operator(verified=False)).name
    etag = "1"

    def asked(reason: str) -> dict[str, str]:
        return {"request_id": new_request_id(), "name": name, "etag": etag, "reason": reason}

    def check(moved: pb.Operator, state: pb.Operator.State.ValueType, reason: str) -> str:
        assert (moved.state, moved.state_reason) == (state, reason)
        assert moved.etag != etag
        return moved.etag

    verify = pb.VerifyOperatorRequest(request_id=new_request_id(), name=name, etag=etag)
    etag = check((await registrar.VerifyOperator(verify)).operator, pb.Operator.STATE_VERIFIED, "")
    suspend = pb.SuspendOperatorRequest(**asked("uninsured"))
    etag = check((await registrar.SuspendOperator(suspend)).operator, pb.Operator.STATE_SUSPENDED, "uninsured")
    reinstate = pb.ReinstateOperatorRequest(**asked("insured"))
    etag = check((await registrar.ReinstateOperator(reinstate)).operator, pb.Operator.STATE_VERIFIED, "insured")
    deregister = pb.DeregisterOperatorRequest(**asked("dissolved"))
    etag = check((await registrar.DeregisterOperator(deregister)).operator, pb.Operator.STATE_DEREGISTERED, "dissolved")
    assert (await registrar.GetOperator(pb.GetOperatorRequest(name=name))).operator.etag == etag


async def test_the_registrar_entitles_an_operator_to_a_priority_and_takes_it_back(registration: Registration) -> None:
    registrar = registration.for_registrar
    operator = await registration.new_operator()
    assert (operator.priority_max, operator.priority_reason) == (assessment_pb2.PRIORITY_UNSPECIFIED, "")
    entitle = entitle_request(
        operator.name, assessment_pb2.PRIORITY_EMERGENCY, etag=operator.etag, reason="fire brigade"
    )
    entitled = (await registrar.EntitleOperator(entitle)).operator
    assert (entitled.priority_max, entitled.priority_reason) == (assessment_pb2.PRIORITY_EMERGENCY, "fire brigade")
    assert (entitled.state, entitled.state_reason) == (operator.state, operator.state_reason)
    assert entitled.etag != operator.etag
    own = registration.operators_for(operator.name)
    assert (await own.GetOperator(pb.GetOperatorRequest(name=operator.name))).operator == entitled

    assert (await registrar.EntitleOperator(entitle)).operator == entitled, "the same request is done once"
    stale = entitle_request(operator.name, assessment_pb2.PRIORITY_STATE, etag=operator.etag)
    assert (await refusal(registrar.EntitleOperator(stale))).reason == "STALE_ETAG"

    suspend = pb.SuspendOperatorRequest(request_id=new_request_id(), name=operator.name, reason="uninsured")
    await registrar.SuspendOperator(suspend)
    taken_back = entitle_request(operator.name, assessment_pb2.PRIORITY_UNSPECIFIED, reason="dissolved")
    ordinary = (await registrar.EntitleOperator(taken_back)).operator
    assert (ordinary.priority_max, ordinary.priority_reason) == (assessment_pb2.PRIORITY_UNSPECIFIED, "dissolved")
    assert (ordinary.state, ordinary.state_reason) == (pb.Operator.STATE_SUSPENDED, "uninsured")


async def test_only_an_operator_whose_identity_was_checked_is_entitled(registration: Registration) -> None:
    registrar = registration.for_registrar
    applied = await registration.new_operator(verified=False)
    deregistered = await registration.new_operator()
    deregister = pb.DeregisterOperatorRequest(request_id=new_request_id(), name=deregistered.name, reason="dissolved")
    await registrar.DeregisterOperator(deregister)
    for operator, standing in ((applied, "APPLIED"), (deregistered, "DEREGISTERED")):
        error = await refusal(
            registrar.EntitleOperator(entitle_request(operator.name, assessment_pb2.PRIORITY_MEDICAL))
        )
        assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ILLEGAL_MOVE")
        assert error.metadata == {"resource": operator.name, "state": standing, "move": "entitled"}


async def test_an_entitlement_needs_grounds_and_a_priority_that_there_is(registration: Registration) -> None:
    operator = await registration.new_operator()
    for request, field in (
        (entitle_request(operator.name, assessment_pb2.PRIORITY_MEDICAL, reason=""), "reason"),
        (entitle_request(operator.name, 5), "priority_max"),  # type: ignore[arg-type]  # no such value
    ):
        error = await refusal(registration.for_registrar.EntitleOperator(request))
        assert (error.code, list(error.fields)) == (grpc.StatusCode.INVALID_ARGUMENT, [field])


async def test_nobody_says_itself_what_it_is_entitled_to(registration: Registration) -> None:
    claims: dict[str, Any] = {"priority_max": assessment_pb2.PRIORITY_STATE, "priority_reason": "I say so"}
    claimed = await refusal(registration.for_registrar.CreateOperator(create_request(an_operator(**claims))))
    assert claimed.fields.keys() == {"operator.priority_max", "operator.priority_reason"}
    created = (await registration.for_registrar.CreateOperator(create_request(an_operator()))).operator
    mine = registration.operators_for(created.name)
    updated = (
        await mine.UpdateOperator(update_request(created.name, ["display_name"], display_name="Z", **claims))
    ).operator
    for operator in (created, updated):
        assert (operator.priority_max, operator.priority_reason) == (assessment_pb2.PRIORITY_UNSPECIFIED, "")
    error = await refusal(mine.UpdateOperator(update_request(created.name, ["priority_max"], **claims)))
    assert error.code is grpc.StatusCode.INVALID_ARGUMENT


async def test_an_operator_stored_before_there_were_entitlements_has_none(registration: Registration) -> None:
    operator = await registration.new_operator()
    name = f"{operator.name}-before"
    async with registration.installation.connection() as connection:
        # As a worker of an earlier version stores it, and as a row looks that the migration found.
        await connection.execute(
            """INSERT INTO registration.operators
                   (name, version, create_time, update_time, applicant, display_name, kind, contact_person,
                    contact_email, contact_phone, certificate_number, state, state_reason)
               SELECT $1, version, create_time, update_time, applicant, display_name, kind, contact_person,
                      contact_email, contact_phone, certificate_number, state, state_reason
               FROM registration.operators WHERE name = $2""",
            name,
            operator.name,
        )
    registrar = registration.for_registrar
    before = (await registrar.GetOperator(pb.GetOperatorRequest(name=name))).operator
    assert (before.state, before.priority_max) == (operator.state, assessment_pb2.PRIORITY_UNSPECIFIED)
    entitled = await registrar.EntitleOperator(entitle_request(name, assessment_pb2.PRIORITY_MEDICAL))
    assert entitled.operator.priority_max == assessment_pb2.PRIORITY_MEDICAL


async def test_a_move_that_the_state_does_not_have_is_refused_with_state_and_move(registration: Registration) -> None:
    name = (await registration.new_operator(verified=False)).name
    request = pb.SuspendOperatorRequest(request_id=new_request_id(), name=name, reason="no reason")
    error = await refusal(registration.for_registrar.SuspendOperator(request))
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ILLEGAL_MOVE")
    assert error.metadata == {"resource": name, "state": "APPLIED", "move": "suspended"}
    assert error.precondition == {"ILLEGAL_MOVE": name}


async def test_a_deregistered_operator_changes_no_more(registration: Registration) -> None:
    name = (await registration.new_operator()).name
    request = pb.DeregisterOperatorRequest(request_id=new_request_id(), name=name, reason="dissolved")
    await registration.for_registrar.DeregisterOperator(request)
    update = update_request(name, ["display_name"], display_name="Phoenix")
    error = await refusal(registration.operators_for(name).UpdateOperator(update))
    assert (error.reason, error.metadata["state"]) == ("ILLEGAL_MOVE", "DEREGISTERED")


async def test_a_stale_etag_is_refused_and_changes_nothing(registration: Registration) -> None:
    operator = await registration.new_operator()
    mine = registration.operators_for(operator.name)
    changed = (
        await mine.UpdateOperator(
            update_request(operator.name, ["display_name"], display_name="First", etag=operator.etag)
        )
    ).operator
    stale = update_request(operator.name, ["display_name"], display_name="Second", etag=operator.etag)
    error = await refusal(mine.UpdateOperator(stale))
    assert (error.code, error.reason) == (grpc.StatusCode.ABORTED, "STALE_ETAG")
    assert error.metadata == {"resource": operator.name}
    assert (await mine.GetOperator(pb.GetOperatorRequest(name=operator.name))).operator == changed


async def test_of_writers_who_saw_the_same_version_one_wins(registration: Registration) -> None:
    operator = await registration.new_operator()
    mine = registration.operators_for(operator.name)

    outcomes = await asyncio.gather(
        *(
            outcome(
                mine.UpdateOperator(
                    update_request(operator.name, ["display_name"], display_name=f"W{number}", etag=operator.etag)
                )
            )
            for number in range(8)
        )
    )
    stored = (await mine.GetOperator(pb.GetOperatorRequest(name=operator.name))).operator
    assert [answer.operator for answer in outcomes if not isinstance(answer, Failure)] == [stored]
    assert {answer.reason for answer in outcomes if isinstance(answer, Failure)} == {"STALE_ETAG"}
    assert int(stored.etag) == int(operator.etag) + 1


async def test_writers_without_etag_all_write_one_after_the_other(registration: Registration) -> None:
    operator = await registration.new_operator()
    mine = registration.operators_for(operator.name)
    requests = [update_request(operator.name, ["display_name"], display_name=f"W{number}") for number in range(8)]
    answers = await asyncio.gather(*(mine.UpdateOperator(request) for request in requests))
    first = int(operator.etag)
    assert sorted(int(answer.operator.etag) for answer in answers) == list(range(first + 1, first + 9))


class TestUpdates:
    async def test_only_masked_fields_change(self, registration: Registration) -> None:
        operator = await registration.new_operator()
        request = update_request(
            operator.name,
            ["display_name"],
            display_name="New name",
            contact=pb.Contact(person_name="ignored"),
            kind=pb.Operator.KIND_NATURAL_PERSON,
        )
        updated = (await registration.operators_for(operator.name).UpdateOperator(request)).operator
        assert updated.display_name == "New name"
        assert (updated.contact, updated.kind, updated.identifiers) == (
            operator.contact,
            operator.kind,
            operator.identifiers,
        )

    async def test_a_contact_is_replaced_as_a_whole(self, registration: Registration) -> None:
        operator = await registration.new_operator()
        request = update_request(operator.name, ["contact"], contact=pb.Contact(person_name="Chen"))
        updated = (await registration.operators_for(operator.name).UpdateOperator(request)).operator
        assert updated.contact == pb.Contact(person_name="Chen")

    async def test_an_absent_certificate_is_cleared(self, registration: Registration) -> None:
        operator = await registration.new_operator()
        assert operator.HasField("certificate")
        request = update_request(operator.name, ["certificate"])
        updated = (await registration.operators_for(operator.name).UpdateOperator(request)).operator
        assert not updated.HasField("certificate")

    async def test_what_must_be_there_cannot_be_cleared(self, registration: Registration) -> None:
        operator = await registration.new_operator()
        request = update_request(operator.name, ["contact", "display_name"])
        error = await refusal(registration.operators_for(operator.name).UpdateOperator(request))
        assert error.code is grpc.StatusCode.INVALID_ARGUMENT
        assert error.fields.keys() == {"operator.contact", "operator.display_name"}

    @pytest.mark.parametrize("paths", [[], ["state"], ["identifiers"], ["contact.email"], ["nothing"], ["*"]])
    async def test_other_masks_are_refused(self, registration: Registration, paths: list[str]) -> None:
        operator = await registration.new_operator()
        error = await refusal(
            registration.operators_for(operator.name).UpdateOperator(
                update_request(operator.name, paths, display_name="X", contact=pb.Contact(person_name="X"))
            )
        )
        assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
        assert "update_mask" in next(iter(error.fields))

    async def test_an_applicant_may_not_update(self, registration: Registration) -> None:
        applicant = registration.operators(registration.installation.token(roles=["applicant"]))
        error = await refusal(applicant.UpdateOperator(update_request("operators/x", ["display_name"])))
        assert (error.code, error.reason) == (grpc.StatusCode.PERMISSION_DENIED, "ROLE_MISSING")
