"""Operators through gRPC, from application to deregistration."""

from __future__ import annotations

import asyncio
import io
import itertools
from contextlib import suppress

import grpc
import pytest

from lowsky.api.registration.v1 import operators_pb2 as pb
from lowsky.identifiers import MalformedIdentifier, eu_operator_number
from tests.integration.registration.calls import (
    Registration,
    an_operator,
    create_request,
    eu_number_of,
    new_request_id,
    update_request,
    uscc_of,
)
from tests.support.errors import Failure, outcome, refusal
from tests.support.identifiers import new_eu_number, new_uscc


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


class TestIdentifiers:
    async def test_of_an_eu_number_the_public_part_is_kept_and_shown(self, registration: Registration) -> None:
        number = new_eu_number("q7z")
        created = await registration.for_registrar.CreateOperator(
            create_request(an_operator(identifiers=[eu_number_of(number), uscc_of(new_uscc())]))
        )
        assert {identifier.value for identifier in created.operator.identifiers} > {number[:16]}
        assert "q7z" not in str(created)

    async def test_the_secret_of_an_eu_number_stands_nowhere(self, registration: Registration) -> None:
        """Not in any table, event, log or digest: the digest of the kept request is that of the public number."""
        installation = registration.installation
        number = new_eu_number("w9k")
        request = create_request(an_operator(identifiers=[eu_number_of(number)]))
        created = await registration.for_registrar.CreateOperator(request)
        update = update_request(created.operator.name, ["display_name"], display_name="Z")
        update.operator.identifiers.append(eu_number_of(number))
        await registration.operators_for(created.operator.name).UpdateOperator(update)
        async with installation.connection() as connection:
            tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'registration'")
            dump = io.BytesIO()
            for table in tables:
                await connection.copy_from_table(table["tablename"], schema_name="registration", output=dump)
        assert number[:16].encode() in dump.getvalue()
        assert number[:16].encode().hex().encode() in dump.getvalue()  # bytea stands there in hexadecimal
        assert b"w9k" not in dump.getvalue()
        assert b"w9k".hex().encode() not in dump.getvalue()
        assert "w9k" not in installation.log_of("registration", lines=100_000)
        for event, _ in await installation.events("lowsky.operators.v1"):
            assert b"w9k" not in (event.value or b"")
        # Of the secrets that fit the same public number, one is as good as another for the kept request.
        request.operator.identifiers[0].value = f"{number[:16]}-{_other_secret(number)}"
        assert await registration.for_registrar.CreateOperator(request) == created

    @pytest.mark.parametrize(
        ("identifier", "problem"),
        [
            (eu_number_of("FIN87astrdge12k8"), "SECRET_MISSING"),
            (eu_number_of("FIN87astrdge12k8-xyy"), "WRONG_CHECK_DIGIT"),
            (eu_number_of("fin87astrdge12k8-xyz"), "WRONG_ALPHABET"),
            (eu_number_of("FIN87astrdge12k8_xyz"), "DASH_MISPLACED"),
            (eu_number_of("FIN87"), "WRONG_LENGTH"),
            (uscc_of("9144030071526726XH"), "WRONG_CHECK_DIGIT"),
            (uscc_of("9144030071526726X"), "WRONG_LENGTH"),
            (uscc_of("9144030071526726IG"), "WRONG_ALPHABET"),
        ],
    )
    async def test_a_malformed_one_is_refused_with_its_field_and_problem_and_not_repeated(
        self, registration: Registration, identifier: pb.OperatorIdentifier, problem: str
    ) -> None:
        scheme = pb.OperatorIdentifier.Scheme.Name(identifier.scheme).removeprefix("SCHEME_")
        request = create_request(an_operator(identifiers=[identifier]))
        error = await refusal(registration.for_registrar.CreateOperator(request))
        assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_IDENTIFIER")
        assert error.fields == {"operator.identifiers[0].value": "MALFORMED_IDENTIFIER"}
        assert error.metadata == {"scheme": scheme, "problem": problem}
        assert identifier.value.encode() not in error.status.SerializeToString()

    async def test_two_of_one_scheme_are_refused(self, registration: Registration) -> None:
        request = create_request(an_operator(identifiers=[uscc_of(new_uscc()), uscc_of(new_uscc())]))
        error = await refusal(registration.for_registrar.CreateOperator(request))
        assert error.fields == {"operator.identifiers[1].scheme": "INVALID_FIELD"}

    async def test_none_is_refused(self, registration: Registration) -> None:
        error = await refusal(registration.for_registrar.CreateOperator(create_request(an_operator(identifiers=[]))))
        assert error.fields == {"operator.identifiers": "INVALID_FIELD"}

    async def test_one_that_another_operator_has_is_refused(self, registration: Registration) -> None:
        taken = new_uscc()
        await registration.for_registrar.CreateOperator(create_request(an_operator(identifiers=[uscc_of(taken)])))
        request = create_request(an_operator(identifiers=[eu_number_of(new_eu_number()), uscc_of(taken)]))
        error = await refusal(registration.for_registrar.CreateOperator(request))
        assert (error.code, error.reason) == (grpc.StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS")
        assert error.fields == {"operator.identifiers": "ALREADY_EXISTS"}

    async def test_of_operators_created_at_once_with_the_same_numbers_one_is(self, registration: Registration) -> None:
        numbers = [uscc_of(new_uscc()), eu_number_of(new_eu_number())]

        outcomes = await asyncio.gather(
            *(
                outcome(registration.for_registrar.CreateOperator(create_request(an_operator(identifiers=given))))
                for given in [numbers, numbers[::-1]] * 4
            )
        )
        refused = [answer for answer in outcomes if isinstance(answer, Failure)]
        assert len(refused) == len(outcomes) - 1
        assert {failure.reason for failure in refused} == {"ALREADY_EXISTS"}

    async def test_a_name_that_is_taken_is_refused(self, registration: Registration) -> None:
        await registration.for_registrar.CreateOperator(create_request(an_operator(), operator_id="taken-name"))
        request = create_request(an_operator(), operator_id="taken-name")
        error = await refusal(registration.for_registrar.CreateOperator(request))
        assert (error.reason, error.fields) == ("ALREADY_EXISTS", {"operator_id": "ALREADY_EXISTS"})


def _other_secret(number: str) -> str:
    """Another secret that fits the same public number."""
    for secret in map("".join, itertools.product("0123456789abcdefghijklmnopqrstuvwxyz", repeat=3)):
        with suppress(MalformedIdentifier):
            if secret != number[-3:] and eu_operator_number(number[:16] + secret):
                return secret
    raise AssertionError("1 in 36 fits")


class TestLists:
    async def test_pages_hold_every_operator_once_and_in_order(self, registration: Registration) -> None:
        made = {(await registration.new_operator(verified=False)).name for _ in range(7)}
        names: list[str] = []
        request = pb.ListOperatorsRequest(page_size=3)
        while True:
            answer = await registration.for_registrar.ListOperators(request)
            names += [operator.name for operator in answer.operators]
            if not answer.next_page_token:
                break
            assert len(answer.operators) == 3
            request.page_token = answer.next_page_token
        assert names == sorted(set(names))
        assert made <= set(names)

    async def test_only_wanted_states_are_listed(self, registration: Registration) -> None:
        await registration.new_operator(verified=False)
        await registration.new_operator()
        answer = await registration.for_registrar.ListOperators(
            pb.ListOperatorsRequest(states=[pb.Operator.STATE_VERIFIED], page_size=1000)
        )
        assert {operator.state for operator in answer.operators} == {pb.Operator.STATE_VERIFIED}

    async def test_a_page_token_is_bound_to_its_filter(self, registration: Registration) -> None:
        for _ in range(2):
            await registration.new_operator(verified=False)
        registrar = registration.for_registrar
        token = (await registrar.ListOperators(pb.ListOperatorsRequest(page_size=1))).next_page_token
        other = pb.ListOperatorsRequest(page_size=1, page_token=token, states=[pb.Operator.STATE_VERIFIED])
        error = await refusal(registrar.ListOperators(other))
        assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_PAGE_TOKEN")
        assert error.fields == {"page_token": "INVALID_PAGE_TOKEN"}

    @pytest.mark.parametrize("token", ["x", "AAAA", "e30", "WyJhIl0", "ä", "W10"])
    async def test_a_page_token_of_somebody_elses_is_refused(self, registration: Registration, token: str) -> None:
        request = pb.ListOperatorsRequest(page_token=token)
        error = await refusal(registration.for_registrar.ListOperators(request))
        assert error.reason == "INVALID_PAGE_TOKEN"

    @pytest.mark.parametrize("size", [-1, 1001])
    async def test_a_page_size_beyond_its_limits_is_refused(self, registration: Registration, size: int) -> None:
        error = await refusal(registration.for_registrar.ListOperators(pb.ListOperatorsRequest(page_size=size)))
        assert error.fields == {"page_size": "INVALID_FIELD"}

    async def test_only_the_registrar_lists(self, registration: Registration) -> None:
        error = await refusal(registration.operators_for("operators/x").ListOperators(pb.ListOperatorsRequest()))
        assert error.reason == "ROLE_MISSING"
