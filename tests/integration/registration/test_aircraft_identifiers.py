"""Numbers of aircraft: of schemes of any jurisdiction, checked, and of one active aircraft at a time."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from lowsky.api.registration.v1 import aircraft_pb2 as pb
from lowsky.api.registration.v1 import identifiers_pb2
from lowsky.api.registration.v1.identifiers_pb2 import Identifier
from tests.integration.registration.calls import (
    Registration,
    an_aircraft,
    product_id_of,
    register_request,
    retire_request,
    serial_of,
    update_aircraft_request,
    values_of,
)
from tests.support.errors import Failure, outcome, refusal
from tests.support.identifiers import new_eu_number, new_product_id, new_real_name_number, new_serial_number


def real_name_of(value: str) -> Identifier:
    return Identifier(scheme="cn-real-name-registration", value=value)


def makers_serial(value: str) -> Identifier:
    return Identifier(scheme="manufacturer-serial", value=value)


async def _refused(registration: Registration, operator: str, identifiers: list[Identifier]) -> Failure:
    request = register_request(operator, an_aircraft(identifiers=identifiers))
    return await refusal(registration.aircraft_for(operator).RegisterAircraft(request))


class TestForm:
    @pytest.mark.parametrize(
        ("identifier", "problem"),
        [
            (serial_of("TSTA8123"), "WRONG_CHECK_DIGIT"),
            (serial_of("TSTA"), "WRONG_LENGTH"),
            (serial_of("TSTA0123"), "WRONG_FORM"),
            (serial_of("tsta812345678"), "WRONG_FORM"),
            (product_id_of("TSTA0001"), "WRONG_LENGTH"),
            (product_id_of("TSTA0001OBCDEFGHJKLM"), "WRONG_FORM"),
            (makers_serial("1AF49UL5CC5J6K"), "OF_ANOTHER_SCHEME"),
            (makers_serial("FIN87astrdge12k8-xyz"), "OF_ANOTHER_SCHEME"),
            (Identifier(scheme="cn-uscc", value="9144030071526726XG"), "WRONG_HOLDER"),
        ],
    )
    async def test_a_malformed_one_is_refused_with_its_field_and_problem_and_not_repeated(
        self, registration: Registration, identifier: Identifier, problem: str
    ) -> None:
        operator = await registration.new_operator()
        error = await _refused(registration, operator.name, [serial_of(new_serial_number()), identifier][-1:])
        assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_IDENTIFIER")
        part = "scheme" if problem == "WRONG_HOLDER" else "value"
        assert error.fields == {f"aircraft.identifiers[0].{part}": "MALFORMED_IDENTIFIER"}
        assert error.metadata == {"scheme": identifier.scheme, "problem": problem}
        assert identifier.value.encode() not in error.status.SerializeToString()

    async def test_of_an_unknown_scheme_nothing_is_repeated(self, registration: Registration) -> None:
        operator = await registration.new_operator()
        error = await _refused(registration, operator.name, [Identifier(scheme="no-such", value="1")])
        assert error.metadata == {"problem": "UNKNOWN_SCHEME"}
        assert "no-such" not in error.message
        assert "cta-2063-a" in error.message

    async def test_one_identifies_the_airframe(self, registration: Registration) -> None:
        operator = await registration.new_operator()
        error = await _refused(registration, operator.name, [real_name_of(new_real_name_number())])
        assert error.fields == {"aircraft.identifiers": "MALFORMED_IDENTIFIER"}
        assert error.metadata == {"problem": "AIRFRAME_MISSING"}

    async def test_an_airframe_without_a_standard_number_has_its_makers_own(self, registration: Registration) -> None:
        operator = await registration.new_operator()
        aircraft = await registration.new_aircraft(operator.name, identifiers=[makers_serial("0042-17/B")])
        assert values_of(aircraft) == {"manufacturer-serial": "0042-17/B"}


class TestUniqueness:
    @pytest.mark.parametrize("shared", [serial_of("TSTA40NE1"), product_id_of("TSTA0001ABCDEFGHJKLM")], ids=str)
    async def test_a_number_flies_under_one_registration_and_the_refusal_says_which_not_whose(
        self, registration: Registration, shared: Identifier
    ) -> None:
        seller, buyer = await registration.new_operator(), await registration.new_operator()
        other = makers_serial(f"A-{shared.scheme}")
        aircraft = await registration.new_aircraft(seller.name, identifiers=[shared, other])
        error = await _refused(registration, buyer.name, [shared, makers_serial(f"B-{shared.scheme}")])
        assert (error.code, error.reason) == (grpc.StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS")
        assert error.fields == {"aircraft.identifiers": "ALREADY_EXISTS"}
        assert error.metadata == {"scheme": shared.scheme}
        assert seller.name.encode() not in error.status.SerializeToString()
        await registration.aircraft_for(seller.name).RetireAircraft(retire_request(aircraft.name))
        registered = await registration.new_aircraft(buyer.name, identifiers=[shared])
        assert (registered.state, values_of(registered)) == (
            pb.Aircraft.STATE_ACTIVE,
            {shared.scheme: shared.value},
        )

    async def test_of_registrations_of_one_airframe_at_once_one_is_made(self, registration: Registration) -> None:
        """They share both numbers or either one, in either order: nobody waits in a circle."""
        operators = [await registration.new_operator() for _ in range(4)]
        numbers = [serial_of(new_serial_number()), product_id_of(new_product_id())]
        wanted = [numbers, numbers[::-1], numbers, numbers[::-1]] * 2
        outcomes = await asyncio.gather(
            *(
                outcome(
                    registration.aircraft_for(operator.name).RegisterAircraft(
                        register_request(operator.name, an_aircraft(identifiers=identifiers))
                    )
                )
                for operator, identifiers in zip(operators * 2, wanted, strict=True)
            )
        )
        refused = [answer for answer in outcomes if isinstance(answer, Failure)]
        assert len(refused) == len(outcomes) - 1
        assert {failure.reason for failure in refused} == {"ALREADY_EXISTS"}

    async def test_of_updates_at_once_that_add_one_number_one_is_made(self, registration: Registration) -> None:
        operator = await registration.new_operator()
        mine = registration.aircraft_for(operator.name)
        fleet = [await registration.new_aircraft(operator.name) for _ in range(6)]
        number = real_name_of(new_real_name_number())
        outcomes = await asyncio.gather(
            *(
                outcome(
                    mine.UpdateAircraft(
                        update_aircraft_request(one.name, ["identifiers"], identifiers=[*one.identifiers, number])
                    )
                )
                for one in fleet
            )
        )
        refused = [answer for answer in outcomes if isinstance(answer, Failure)]
        assert len(refused) == len(fleet) - 1
        assert {failure.reason for failure in refused} == {"ALREADY_EXISTS"}
        assert {failure.metadata["scheme"] for failure in refused} == {number.scheme}

    async def test_makers_own_numbers_are_unique_among_their_aircraft_only(self, registration: Registration) -> None:
        operator = await registration.new_operator()
        mine = registration.aircraft_for(operator.name)
        number = [makers_serial("SN-1")]
        await registration.new_aircraft(operator.name, identifiers=number, manufacturer="Maker One")
        other = await registration.new_aircraft(operator.name, identifiers=number, manufacturer="Maker Two")
        same = an_aircraft(identifiers=number, manufacturer="  MAKER  \N{FULLWIDTH LATIN CAPITAL LETTER O}ne ")
        error = await refusal(mine.RegisterAircraft(register_request(operator.name, same)))
        assert error.metadata == {"scheme": "manufacturer-serial"}
        renamed = update_aircraft_request(other.name, ["manufacturer"], manufacturer="maker one")
        assert (await refusal(mine.UpdateAircraft(renamed))).reason == "ALREADY_EXISTS"
        renamed = update_aircraft_request(other.name, ["manufacturer"], manufacturer="Maker Three")
        await mine.UpdateAircraft(renamed)
        await registration.new_aircraft(operator.name, identifiers=number, manufacturer="Maker Two")

    async def test_one_active_aircraft_per_number_is_the_databases_own_rule(self, registration: Registration) -> None:
        """Not only a check before the insert, which two at once would both pass; and a number is as active as its
        aircraft, whoever writes."""
        operator = await registration.new_operator()
        aircraft = await registration.new_aircraft(operator.name)
        async with registration.installation.connection() as connection:
            await connection.execute("SET search_path = registration")
            definition: str = await connection.fetchval(
                "SELECT indexdef FROM pg_indexes WHERE indexname = 'aircraft_identifiers_active'"
            )
            assert definition.startswith("CREATE UNIQUE INDEX")
            assert "'ACTIVE'" in definition
            await connection.execute("UPDATE aircraft SET state = 'RETIRED' WHERE name = $1", aircraft.name)
            states = await connection.fetch("SELECT state FROM aircraft_identifiers WHERE aircraft = $1", aircraft.name)
        assert {row["state"] for row in states} == {"RETIRED"}


class TestUpdates:
    async def test_a_number_that_is_given_later_is_added_replaced_and_removed(self, registration: Registration) -> None:
        operator = await registration.new_operator()
        mine = registration.aircraft_for(operator.name)
        aircraft = await registration.new_aircraft(operator.name)
        serial = list(aircraft.identifiers)
        first, second = new_real_name_number(), new_real_name_number()
        for added in ([real_name_of(first)], [real_name_of(second)], []):
            wanted = [*added, *serial]
            request = update_aircraft_request(aircraft.name, ["identifiers"], identifiers=wanted)
            updated = (await mine.UpdateAircraft(request)).aircraft
            assert values_of(updated) == {one.scheme: one.value for one in wanted}
            assert (await mine.GetAircraft(pb.GetAircraftRequest(name=aircraft.name))).aircraft == updated
        await registration.new_aircraft(
            operator.name, identifiers=[serial_of(new_serial_number()), real_name_of(first)]
        )

    async def test_what_identifies_the_airframe_is_added_but_neither_changed_nor_removed(
        self, registration: Registration
    ) -> None:
        operator = await registration.new_operator()
        mine = registration.aircraft_for(operator.name)
        serial, product = serial_of(new_serial_number()), product_id_of(new_product_id())
        aircraft = await registration.new_aircraft(operator.name, identifiers=[serial])
        added = update_aircraft_request(aircraft.name, ["identifiers"], identifiers=[serial, product])
        assert values_of((await mine.UpdateAircraft(added)).aircraft).keys() == {"cta-2063-a", "gbt-41300"}
        for identifiers in ([serial], [product], [serial, product_id_of(new_product_id())]):
            request = update_aircraft_request(aircraft.name, ["identifiers"], identifiers=identifiers)
            error = await refusal(mine.UpdateAircraft(request))
            assert (error.reason, error.metadata["problem"]) == ("MALFORMED_IDENTIFIER", "AIRFRAME_CHANGED")
            assert error.fields == {"aircraft.identifiers": "MALFORMED_IDENTIFIER"}

    async def test_an_update_of_something_else_keeps_the_identifiers_and_nothing_of_those_sent(
        self, registration: Registration
    ) -> None:
        operator = await registration.new_operator()
        mine = registration.aircraft_for(operator.name)
        aircraft = await registration.new_aircraft(operator.name)
        request = update_aircraft_request(aircraft.name, ["model"], model="T2")
        request.aircraft.identifiers.add(scheme="eu-operator-number", value=new_eu_number("w8j"))
        updated = await mine.UpdateAircraft(request)
        assert (updated.aircraft.model, updated.aircraft.identifiers) == ("T2", aircraft.identifiers)
        # What is kept of the request is the same whatever identifiers came with it.
        request.aircraft.identifiers[0].value = "something else"
        assert await mine.UpdateAircraft(request) == updated


async def test_anybody_with_a_role_may_ask_which_schemes_there_are(registration: Registration) -> None:
    stub = registration.identifiers(registration.installation.token(roles=["applicant"]))
    answer = await stub.ListIdentifierSchemes(identifiers_pb2.ListIdentifierSchemesRequest())
    schemes = {scheme.id: scheme for scheme in answer.schemes}
    eu, person = schemes["eu-operator-number"], schemes["cn-resident-id"]
    assert list(schemes) == sorted(schemes)
    assert (eu.jurisdiction, eu.kept, eu.usable) == ("EU", identifiers_pb2.IdentifierScheme.KEPT_PUBLIC_PART, True)
    assert list(person.holders) == [identifiers_pb2.IdentifierScheme.HOLDER_NATURAL_PERSON]
    assert person.kept == identifiers_pb2.IdentifierScheme.KEPT_KEYED_HASH
    assert schemes["cta-2063-a"].airframe
    assert schemes["manufacturer-serial"].unique_within_manufacturer
    assert not schemes["cn-real-name-registration"].airframe
