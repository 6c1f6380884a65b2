"""Numbers of operators: checked, unique, and kept without their secrets."""

from __future__ import annotations

import asyncio
import io
import itertools
from contextlib import suppress

import grpc
import pytest

from lowsky.api.registration.v1 import operators_pb2 as pb
from lowsky.api.registration.v1.identifiers_pb2 import Identifier
from lowsky.events import topics
from lowsky.registration.identifiers.identifier import MalformedIdentifier
from lowsky.registration.identifiers.schemes import load
from tests.integration.registration.calls import (
    Registration,
    an_operator,
    create_request,
    eu_number_of,
    update_request,
    uscc_of,
)
from tests.support.errors import Failure, outcome, refusal
from tests.support.identifiers import new_eu_number, new_resident_id, new_uscc


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
        dump = await _dump(registration)
        assert number[:16].encode() in dump
        assert number[:16].encode().hex().encode() in dump  # bytea stands there in hexadecimal
        assert b"w9k" not in dump
        assert b"w9k".hex().encode() not in dump
        assert "w9k" not in installation.log_of("registration", lines=100_000)
        for event, _ in await installation.events_so_far(topics.OPERATORS):
            assert b"w9k" not in (event.value or b"")
        # Of the secrets that fit the same public number, one is as good as another for the kept request.
        request.operator.identifiers[0].value = f"{number[:16]}-{_other_secret(number)}"
        assert await registration.for_registrar.CreateOperator(request) == created

    async def test_the_number_of_a_natural_person_stands_nowhere(self, registration: Registration) -> None:
        """A keyed hash of it does: one person registers once."""
        installation = registration.installation
        number = new_resident_id()
        person = Identifier(scheme="cn-resident-id", value=number)
        kind = pb.Operator.KIND_NATURAL_PERSON
        request = create_request(an_operator(kind=kind, identifiers=[person]))
        created = await registration.for_registrar.CreateOperator(request)
        [kept] = created.operator.identifiers
        assert kept.value.startswith("hmac-sha256:")
        assert await registration.for_registrar.CreateOperator(request) == created
        again = create_request(an_operator(kind=kind, identifiers=[person]))
        error = await refusal(registration.for_registrar.CreateOperator(again))
        assert (error.reason, error.metadata) == ("ALREADY_EXISTS", {"scheme": "cn-resident-id"})
        wrong = create_request(an_operator(kind=kind, identifiers=[person]))
        wrong.operator.identifiers[0].value = number[:-1] + ("1" if number[-1] != "1" else "2")
        error = await refusal(registration.for_registrar.CreateOperator(wrong))
        assert number[:17].encode() not in error.status.SerializeToString()
        dump = await _dump(registration)
        assert kept.value.encode() in dump
        for part in (number[:17], number[6:17]):
            assert part.encode() not in dump
            assert part.encode().hex().encode() not in dump
            assert part not in installation.log_of("registration", lines=100_000)
            assert not [
                e for e, _ in await installation.events_so_far(topics.OPERATORS) if part.encode() in (e.value or b"")
            ]

    @pytest.mark.parametrize(
        ("identifier", "problem"),
        [
            (eu_number_of("FIN87astrdge12k8"), "SECRET_MISSING"),
            (eu_number_of("FIN87astrdge12k8-xyy"), "WRONG_CHECK_DIGIT"),
            (eu_number_of("fin87astrdge12k8-xyz"), "WRONG_FORM"),
            (eu_number_of("FIN87astrdge12k8_xyz"), "WRONG_FORM"),
            (eu_number_of("FIN87"), "WRONG_LENGTH"),
            (uscc_of("9144030071526726XH"), "WRONG_CHECK_DIGIT"),
            (uscc_of("9144030071526726X"), "WRONG_LENGTH"),
            (uscc_of("9144030071526726IG"), "WRONG_FORM"),
            (eu_number_of("GBR87astrdge12k8-xyz"), "UNKNOWN_CODE"),
            (uscc_of("9844030071526726X2"), "UNKNOWN_CODE"),
            (Identifier(scheme="cn-resident-id", value="11010519491231002X"), "WRONG_HOLDER"),
            (Identifier(scheme="cta-2063-a", value="1AF49UL5CC5J6K"), "WRONG_HOLDER"),
        ],
    )
    async def test_a_malformed_one_is_refused_with_its_field_and_problem_and_not_repeated(
        self, registration: Registration, identifier: Identifier, problem: str
    ) -> None:
        request = create_request(an_operator(identifiers=[identifier]))
        error = await refusal(registration.for_registrar.CreateOperator(request))
        assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_IDENTIFIER")
        part = "scheme" if problem == "WRONG_HOLDER" else "value"
        assert error.fields == {f"operator.identifiers[0].{part}": "MALFORMED_IDENTIFIER"}
        assert error.metadata == {"scheme": identifier.scheme, "problem": problem}
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
        assert error.metadata == {"scheme": "cn-uscc"}
        assert taken not in error.message

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


async def _dump(registration: Registration) -> bytes:
    """All tables of the service, as text."""
    dump = io.BytesIO()
    async with registration.installation.connection() as connection:
        for table in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'registration'"):
            await connection.copy_from_table(table["tablename"], schema_name="registration", output=dump)
    return dump.getvalue()


def _other_secret(number: str) -> str:
    """Another secret that fits the same public number."""
    schemes = load()
    eu = schemes.get("eu-operator-number")
    assert eu is not None
    for secret in map("".join, itertools.product("0123456789abcdefghijklmnopqrstuvwxyz", repeat=3)):
        with suppress(MalformedIdentifier):
            if secret != number[-3:] and eu.stored(number[:16] + secret):
                return secret
    raise AssertionError("1 in 36 fits")
