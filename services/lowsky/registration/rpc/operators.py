"""OperatorsService."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from google.protobuf.message import Message

from lowsky.api.registration.v1 import operators_pb2 as pb
from lowsky.api.registration.v1 import operators_pb2_grpc
from lowsky.auth.access import current_access
from lowsky.clock import Clock
from lowsky.db.database import Connection, Database
from lowsky.errors import NotFound
from lowsky.events.relay import Relay
from lowsky.ids import new_id
from lowsky.jurisdictions.flights import RuleSets
from lowsky.open_enums import name_of, text_member
from lowsky.priority import Priority
from lowsky.registration.codec.identifiers import given_in, replace_identifiers
from lowsky.registration.codec.operators import jurisdictions_of, kind_of, profile_of, to_answer, to_message
from lowsky.registration.domain.documents import missing_documents
from lowsky.registration.domain.identity import of_operator
from lowsky.registration.domain.operator import Operator, OperatorState
from lowsky.registration.identifiers.identifier import Schemes
from lowsky.registration.postgres import AircraftStore, OperatorStore
from lowsky.rpc.masks import masked
from lowsky.rpc.once import Mutation, once
from lowsky.rpc.paging import Page
from lowsky.rpc.validation import validate

_Response = TypeVar("_Response", bound=Message)


class OperatorsServicer(operators_pb2_grpc.OperatorsServiceServicer):
    """Operators: created by applicants, kept by the registrar."""

    def __init__(self, database: Database, relay: Relay, clock: Clock, schemes: Schemes, rules: RuleSets) -> None:
        self._database = database
        self._relay = relay
        self._clock = clock
        self._schemes = schemes
        self._rules = rules

    async def CreateOperator(self, request: pb.CreateOperatorRequest, context: Any) -> pb.CreateOperatorResponse:
        now = self._clock.now()
        kind = kind_of(request.operator)
        identifiers = of_operator(given_in(request.operator), kind, self._schemes)
        operator = Operator(
            name=f"operators/{request.operator_id or new_id()}",
            kind=kind,
            identifiers=identifiers,
            applicant=current_access().caller.subject,
            profile=profile_of(request.operator),
            create_time=now,
            update_time=now,
        )

        async def create(connection: Connection) -> pb.CreateOperatorResponse:
            await OperatorStore(connection).add(operator)
            return pb.CreateOperatorResponse(operator=self._answer(operator))

        public = pb.CreateOperatorRequest()
        public.CopyFrom(request)
        replace_identifiers(public.operator, identifiers)
        return await once(self._database, self._relay, public, pb.CreateOperatorResponse, create)

    async def GetOperator(self, request: pb.GetOperatorRequest, context: Any) -> pb.GetOperatorResponse:
        async with self._database.connection() as connection:
            operator = await OperatorStore(connection).get(request.name)
        reach = current_access().reach
        if not reach.covers_operator(operator.name) and reach.applicant != operator.applicant:
            raise NotFound(request.name)
        return pb.GetOperatorResponse(operator=self._answer(operator))

    async def ListOperators(self, request: pb.ListOperatorsRequest, context: Any) -> pb.ListOperatorsResponse:
        page = Page.asked_by(request)
        states = [text_member(OperatorState, name_of(pb.Operator.State, s, "STATE_")) for s in request.states]
        async with self._database.connection() as connection:
            found = await OperatorStore(connection).page(states, page.last_text, page.size + 1)
        shown, token = page.answer(found, to_message, lambda operator: (operator.name,))
        return pb.ListOperatorsResponse(operators=shown, next_page_token=token)

    async def UpdateOperator(self, request: pb.UpdateOperatorRequest, context: Any) -> pb.UpdateOperatorResponse:
        def update(operator: Operator, now: datetime) -> None:
            wanted = masked(to_message(operator), request.operator, request.update_mask)
            validate(wanted, within="operator", output_allowed=True)
            operator.update(profile_of(wanted), now)

        public = pb.UpdateOperatorRequest()
        public.CopyFrom(request)
        replace_identifiers(public.operator)  # not in the mask's reach, but they may have been sent
        return await self._change(
            public, request.operator.name, request.operator.etag, pb.UpdateOperatorResponse, update
        )

    async def VerifyOperator(self, request: pb.VerifyOperatorRequest, context: Any) -> pb.VerifyOperatorResponse:
        return await self._change(
            request, request.name, request.etag, pb.VerifyOperatorResponse, lambda operator, now: operator.verify(now)
        )

    async def SuspendOperator(self, request: pb.SuspendOperatorRequest, context: Any) -> pb.SuspendOperatorResponse:
        return await self._change(
            request,
            request.name,
            request.etag,
            pb.SuspendOperatorResponse,
            lambda operator, now: operator.suspend(request.reason, now),
        )

    async def ReinstateOperator(
        self, request: pb.ReinstateOperatorRequest, context: Any
    ) -> pb.ReinstateOperatorResponse:
        return await self._change(
            request,
            request.name,
            request.etag,
            pb.ReinstateOperatorResponse,
            lambda operator, now: operator.reinstate(request.reason, now),
        )

    async def EntitleOperator(self, request: pb.EntitleOperatorRequest, context: Any) -> pb.EntitleOperatorResponse:
        return await self._change(
            request,
            request.name,
            request.etag,
            pb.EntitleOperatorResponse,
            lambda operator, now: operator.entitle(Priority(request.priority_max), request.reason, now),
        )

    async def DeregisterOperator(
        self, request: pb.DeregisterOperatorRequest, context: Any
    ) -> pb.DeregisterOperatorResponse:
        async def deregister(connection: Connection) -> pb.DeregisterOperatorResponse:
            operators, aircraft = OperatorStore(connection), AircraftStore(connection)
            operator = await operators.get(request.name, lock="UPDATE")
            operator.expect(request.etag)
            now = self._clock.now()
            operator.deregister(request.reason, now)
            fleet = await aircraft.active_of(operator.name)
            for one in fleet:
                one.retire(now)
            await operators.save(operator)
            await aircraft.save(*fleet)
            return pb.DeregisterOperatorResponse(operator=self._answer(operator))

        return await once(self._database, self._relay, request, pb.DeregisterOperatorResponse, deregister)

    def _answer(self, operator: Operator) -> pb.Operator:
        now = self._clock.now()
        laws = self._rules.of_countries(jurisdictions_of(operator, self._schemes))
        return to_answer(operator, (one for law in laws for one in missing_documents(operator, law, now)))

    async def _change(
        self,
        request: Mutation,
        name: str,
        etag: str,
        response_type: type[_Response],
        move: Callable[[Operator, datetime], None],
    ) -> _Response:
        """Every mutation of one operator: lock it, compare the etag, move it, save and tell."""

        async def change(connection: Connection) -> _Response:
            store = OperatorStore(connection)
            operator = await store.get(name, lock="UPDATE")
            operator.expect(etag)
            move(operator, self._clock.now())
            await store.save(operator)
            return response_type(operator=self._answer(operator))

        return await once(self._database, self._relay, request, response_type, change)
