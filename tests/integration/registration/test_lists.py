"""Lists: pages in order, bound to their filter, each caller its own."""

from __future__ import annotations

import grpc
import pytest

from lowsky.api.registration.v1 import aircraft_pb2
from lowsky.api.registration.v1 import operators_pb2 as pb
from tests.integration.registration.calls import (
    Registration,
)
from tests.support.errors import refusal


class TestOperators:
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


class TestAircraft:
    async def test_an_operator_lists_its_own(self, registration: Registration) -> None:
        operator, other = await registration.new_operator(), await registration.new_operator()
        fleet = [await registration.new_aircraft(operator.name) for _ in range(3)]
        await registration.new_aircraft(other.name)
        mine = registration.aircraft_for(operator.name)
        names: list[str] = []
        request = aircraft_pb2.ListAircraftRequest(parent=operator.name, page_size=2)
        while True:
            answer = await mine.ListAircraft(request)
            names += [aircraft.name for aircraft in answer.aircraft]
            if not answer.next_page_token:
                break
            request.page_token = answer.next_page_token
        assert names == sorted(aircraft.name for aircraft in fleet)

    async def test_the_registrar_lists_all(self, registration: Registration) -> None:
        one, two = [await registration.new_operator() for _ in range(2)]
        made = {(await registration.new_aircraft(operator.name)).name for operator in (one, two)}
        answer = await registration.aircraft_for_registrar.ListAircraft(
            aircraft_pb2.ListAircraftRequest(parent="operators/-", page_size=1000)
        )
        assert made <= {aircraft.name for aircraft in answer.aircraft}

    @pytest.mark.parametrize("parent", ["operators/-", "operators/another"])
    async def test_an_operator_lists_nobody_elses(self, registration: Registration, parent: str) -> None:
        operator = await registration.new_operator()
        mine = registration.aircraft_for(operator.name)
        error = await refusal(mine.ListAircraft(aircraft_pb2.ListAircraftRequest(parent=parent)))
        assert error.code is grpc.StatusCode.NOT_FOUND

    async def test_a_page_token_is_bound_to_its_parent(self, registration: Registration) -> None:
        operator = await registration.new_operator()
        for _ in range(2):
            await registration.new_aircraft(operator.name)
        registrar = registration.aircraft_for_registrar
        answer = await registrar.ListAircraft(aircraft_pb2.ListAircraftRequest(parent=operator.name, page_size=1))
        request = aircraft_pb2.ListAircraftRequest(parent="operators/-", page_size=1, page_token=answer.next_page_token)
        error = await refusal(registrar.ListAircraft(request))
        assert error.reason == "INVALID_PAGE_TOKEN"
