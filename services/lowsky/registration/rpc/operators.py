"""OperatorsService."""

from __future__ import annotations

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
from lowsky.priority import Priority
from lowsky.registration.codec.identifiers import given_in, replace_identifiers
from lowsky.registration.codec.operators import kind_of, profile_of, states_of, to_answer, to_message
from lowsky.registration.domain.identifier_rules import of_operator
from lowsky.registration.domain.operator import Operator
from lowsky.registration.identifiers.identifier import Schemes
from lowsky.registration.operators.applying import Application, apply
from lowsky.registration.operators.missing_documents import Documents
from lowsky.registration.operators.moves import Move, deregister, move
from lowsky.registration.operators.visible import is_visible
from lowsky.registration.postgres import OperatorStore
from lowsky.rpc.masks import masked
from lowsky.rpc.once import Mutation, once
from lowsky.rpc.paging import Page
from lowsky.rpc.validation import validate

_Response = TypeVar("_Response", bound=Message)


class OperatorsServicer(operators_pb2_grpc.OperatorsServiceServicer):
    """Operators: created by applicants, administered by the registrar."""

    def __init__(self, database: Database, relay: Relay, clock: Clock, schemes: Schemes, documents: Documents) -> None:
        self._database = database
        self._relay = relay
        self._clock = clock
        self._schemes = schemes
        self._documents = documents

    async def CreateOperator(self, request: pb.CreateOperatorRequest, context: Any) -> pb.CreateOperatorResponse:
        kind = kind_of(request.operator)
        application = Application(
            id=request.operator_id,
            kind=kind,
            identifiers=of_operator(given_in(request.operator), kind, self._schemes),
            profile=profile_of(request.operator),
            applicant=current_access().caller.subject,
        )

        async def work(connection: Connection) -> pb.CreateOperatorResponse:
            operator = await apply(connection, application, self._clock.now())
            return pb.CreateOperatorResponse(operator=self._answer(operator))

        public = pb.CreateOperatorRequest()
        public.CopyFrom(request)
        replace_identifiers(public.operator, application.identifiers)
        return await once(self._database, self._relay, public, pb.CreateOperatorResponse, work)

    async def GetOperator(self, request: pb.GetOperatorRequest, context: Any) -> pb.GetOperatorResponse:
        async with self._database.connection() as connection:
            operator = await OperatorStore(connection).get(request.name)
        if not is_visible(current_access().reach, operator):
            raise NotFound(request.name)
        return pb.GetOperatorResponse(operator=self._answer(operator))

    async def ListOperators(self, request: pb.ListOperatorsRequest, context: Any) -> pb.ListOperatorsResponse:
        page = Page.asked_by(request)
        async with self._database.connection() as connection:
            found = await OperatorStore(connection).page(states_of(request.states), page.last_text, page.size + 1)
        shown, token = page.answer(found, to_message, lambda operator: (operator.name,))
        return pb.ListOperatorsResponse(operators=shown, next_page_token=token)

    async def UpdateOperator(self, request: pb.UpdateOperatorRequest, context: Any) -> pb.UpdateOperatorResponse:
        def update(operator: Operator, now: datetime) -> None:
            wanted = masked(to_message(operator), request.operator, request.update_mask)
            validate(wanted, within="operator", output_allowed=True)
            operator.update(profile_of(wanted), now)

        public = pb.UpdateOperatorRequest()
        public.CopyFrom(request)
        replace_identifiers(public.operator)  # the mask cannot contain them, but they may have been sent
        return await self._move(public, request.operator.name, request.operator.etag, pb.UpdateOperatorResponse, update)

    async def VerifyOperator(self, request: pb.VerifyOperatorRequest, context: Any) -> pb.VerifyOperatorResponse:
        return await self._move(
            request, request.name, request.etag, pb.VerifyOperatorResponse, lambda operator, now: operator.verify(now)
        )

    async def SuspendOperator(self, request: pb.SuspendOperatorRequest, context: Any) -> pb.SuspendOperatorResponse:
        return await self._move(
            request,
            request.name,
            request.etag,
            pb.SuspendOperatorResponse,
            lambda operator, now: operator.suspend(request.reason, now),
        )

    async def ReinstateOperator(
        self, request: pb.ReinstateOperatorRequest, context: Any
    ) -> pb.ReinstateOperatorResponse:
        return await self._move(
            request,
            request.name,
            request.etag,
            pb.ReinstateOperatorResponse,
            lambda operator, now: operator.reinstate(request.reason, now),
        )

    async def EntitleOperator(self, request: pb.EntitleOperatorRequest, context: Any) -> pb.EntitleOperatorResponse:
        return await self._move(
            request,
            request.name,
            request.etag,
            pb.EntitleOperatorResponse,
            lambda operator, now: operator.entitle(Priority(request.priority_max), request.reason, now),
        )

    async def DeregisterOperator(
        self, request: pb.DeregisterOperatorRequest, context: Any
    ) -> pb.DeregisterOperatorResponse:
        async def work(connection: Connection) -> pb.DeregisterOperatorResponse:
            operator = await deregister(connection, request.name, request.etag, request.reason, self._clock.now())
            return pb.DeregisterOperatorResponse(operator=self._answer(operator))

        return await once(self._database, self._relay, request, pb.DeregisterOperatorResponse, work)

    async def _move(
        self, request: Mutation, name: str, etag: str, response_type: type[_Response], make: Move
    ) -> _Response:
        async def work(connection: Connection) -> _Response:
            operator = await move(connection, name, etag, make, self._clock.now())
            return response_type(operator=self._answer(operator))

        return await once(self._database, self._relay, request, response_type, work)

    def _answer(self, operator: Operator) -> pb.Operator:
        return to_answer(operator, self._documents.missing(operator, self._clock.now()))
