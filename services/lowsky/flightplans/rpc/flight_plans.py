"""FlightPlansService."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, TypeVar

from google.protobuf.message import Message

from lowsky.api.events.v1 import events_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.flightplans.v1 import flight_plans_pb2_grpc
from lowsky.auth.access import Access, current_access
from lowsky.auth.caller import Role
from lowsky.auth.rules import require_within_reach
from lowsky.clock import Clock
from lowsky.db.database import Connection, Database
from lowsky.errors import Invalid, NotFound
from lowsky.events.relay import Relay
from lowsky.events.watching.watch import Broadcast, Subscription
from lowsky.flightplans.checks.validity import require_entitled
from lowsky.flightplans.codec.plans import proposal_of, report_of, state_from, to_message, to_stream_answer
from lowsky.flightplans.domain.plan import ANY_OPERATOR, FlightPlan
from lowsky.flightplans.life.moves import Activation, Move, activate, move
from lowsky.flightplans.life.off_nominal import OffNominal
from lowsky.flightplans.openings.alternatives import Alternatives
from lowsky.flightplans.openings.occupancy import Occupancy
from lowsky.flightplans.postgres.plans import Filter, FlightPlanStore
from lowsky.flightplans.projections.standing import Standing
from lowsky.flightplans.rpc.alternatives import only_conflicts_reject, with_alternatives
from lowsky.flightplans.rpc.occupancy import FIELD, answer_of, question_of
from lowsky.flightplans.rpc.stream import answer_each
from lowsky.flightplans.submission.batcher import Batcher
from lowsky.flightplans.submission.submit import Submission, SubmissionPath
from lowsky.flightplans.views.visible import is_visible
from lowsky.flightplans.views.watching import PlanChange, of_plans, watch
from lowsky.geo.thread_locks import InUse
from lowsky.health import Health
from lowsky.ids import new_id
from lowsky.moments import end_of, start_of
from lowsky.process.load_limits import StreamRoom
from lowsky.rpc.call_log import for_callers
from lowsky.rpc.incoming import Incoming
from lowsky.rpc.limits import STREAMED_BYTES_MAX
from lowsky.rpc.once import Mutation, once, request_for
from lowsky.rpc.paging import PAGE_BYTES_MAX, SUMMARISED_BYTES_MAX, Page
from lowsky.rpc.status import to_status
from lowsky.rpc.summaries import summarised
from lowsky.rpc.validation import validate

NEWS_TIMEOUT_S = 1.0
"""How long a submission waits for an event about an operator or aircraft that is not known to be in good standing."""

IN_USE_RETRY_S = 0.02
"""Delay until an activation tries again to read the airspace index, which a thread may use for seconds at most."""

KEY_LENGTH_MAX = 200
"""The limit in the proto; checked here so that the common case is validated only once."""

_Response = TypeVar("_Response", bound=Message)


class FlightPlansServicer(flight_plans_pb2_grpc.FlightPlansServiceServicer):
    """Plans: submitted, read, watched and changed by their operators; read by officers whose authority they concern."""

    def __init__(
        self,
        *,
        database: Database,
        relay: Relay,
        clock: Clock,
        health: Health,
        path: SubmissionPath,
        standing: Standing,
        activation: Activation,
        broadcast: Broadcast[PlanChange],
        off_nominal: OffNominal,
        occupancy: Occupancy,
        alternatives: Alternatives,
    ) -> None:
        self._database = database
        self._relay = relay
        self._clock = clock
        self._health = health
        self._standing = standing
        self._activation = activation
        self._broadcast = broadcast
        self._off_nominal = off_nominal
        self._occupancy = occupancy
        self._alternatives = alternatives
        self._room = StreamRoom(STREAMED_BYTES_MAX)
        self.batcher: Batcher[Submission, bytes] = Batcher(
            path.submit,
            tenant=lambda s: s.proposal.operator,
            key=lambda s: (s.request.caller, s.request.request_id),
            weight=lambda s: len(s.proposal.airspace),
        )

    async def SubmitFlightPlan(  # type: ignore[override]  # a response that is serialised already is sent unchanged
        self, request: pb.SubmitFlightPlanRequest, context: Any
    ) -> bytes | pb.SubmitFlightPlanResponse:
        waits = request.HasField("wait_for_decision") and not request.validate_only
        wait_s = request.wait_for_decision.ToTimedelta().total_seconds() if waits else 0.0
        if wait_s <= 0:
            return await self._submit(request, _new_name(request))
        deadline = asyncio.get_running_loop().time() + wait_s
        name = _new_name(request)
        names = {name}
        # Subscribe before submitting: the decision may arrive before the response.
        with self._broadcast.subscribe(of_plans(names)) as subscription:
            response = pb.SubmitFlightPlanResponse.FromString(await self._submit(request, name))
            if response.flight_plan.name != name:  # a repeated request
                names.add(response.flight_plan.name)
                response.flight_plan.CopyFrom(await self._read(response.flight_plan.name))
            await _until_decided(response, subscription, deadline)
        return response

    async def SubmitFlightPlans(  # type: ignore[override]  # as SubmitFlightPlan; messages are read here
        self, requests: AsyncIterator[Incoming[pb.SubmitFlightPlansRequest]], context: Any
    ) -> AsyncIterator[bytes | pb.SubmitFlightPlansResponse]:
        reach = current_access().reach

        def begin(line: _Line) -> asyncio.Future[bytes]:
            message = line.read()
            _validate_one(message)
            require_within_reach(reach, message.request.parent)
            self._health.require(writes=True)
            return self._submit(message.request, _new_name(message.request))

        def answer(line: _Line, outcome: bytes | Exception) -> bytes | pb.SubmitFlightPlansResponse:
            if isinstance(outcome, Exception):  # each message has its own response, even after an internal error
                refusal = for_callers("SubmitFlightPlans", outcome)
                return pb.SubmitFlightPlansResponse(key=line.key, error=to_status(refusal))
            if not line.suggests:
                return to_stream_answer(line.key, outcome)
            response = pb.SubmitFlightPlanResponse.FromString(outcome)
            return pb.SubmitFlightPlansResponse(
                key=line.key, flight_plan=response.flight_plan, alternatives=response.alternatives
            )

        lines = (_Line(incoming) async for incoming in requests)
        async for response in answer_each(lines, begin, answer, room=self._room, size_of=lambda line: line.size):
            yield response

    async def GetFlightPlan(self, request: pb.GetFlightPlanRequest, context: Any) -> pb.GetFlightPlanResponse:
        async with self._database.connection() as connection:
            plan = await FlightPlanStore(connection).find(request.name)
        _require_visible(current_access(), plan, request.name)
        return pb.GetFlightPlanResponse(flight_plan=to_message(plan))

    async def ListFlightPlans(self, request: pb.ListFlightPlansRequest, context: Any) -> pb.ListFlightPlansResponse:
        reach = current_access().reach
        page = Page.asked_by(request, caller_scope=repr(reach))
        start = start_of(request.time_start) if request.HasField("time_start") else None
        end = end_of(request.time_end) if request.HasField("time_end") else None
        if start and end and end <= start:
            raise Invalid.field("time_end", "the end is not after the start", "INTERVAL_REVERSED")
        wanted = Filter(
            operator=None if request.parent == ANY_OPERATOR else request.parent,
            visible_operator=reach.operator,
            visible_authority=reach.authority,
            states=[state_from(state) for state in request.states],
            start=start,
            end=end,
            aircraft=request.aircraft or None,
        )
        summary = request.view == pb.VIEW_SUMMARY
        bytes_max = SUMMARISED_BYTES_MAX if summary else PAGE_BYTES_MAX
        async with self._database.connection() as connection:
            found, more = await FlightPlanStore(connection).list(wanted, page.last_text, page.size, bytes_max)
        shown, token = page.answer(
            found,
            lambda plan: summarised(to_message(plan)) if summary else to_message(plan),
            lambda plan: (plan.id,),
            more=more,
        )
        return pb.ListFlightPlansResponse(flight_plans=shown, next_page_token=token)

    def WatchFlightPlans(  # type: ignore[override]  # as SubmitFlightPlan
        self, request: pb.WatchFlightPlansRequest, context: Any
    ) -> AsyncIterator[bytes | pb.WatchFlightPlansResponse]:
        return watch(self._broadcast, self._health, self._clock, request, current_access())

    async def WithdrawFlightPlan(
        self, request: pb.WithdrawFlightPlanRequest, context: Any
    ) -> pb.WithdrawFlightPlanResponse:
        now = self._clock.now()
        return await self._move(
            request,
            request.name,
            request.etag,
            pb.WithdrawFlightPlanResponse,
            lambda plan: plan.withdraw(request.reason, now),
        )

    async def ActivateFlightPlan(
        self, request: pb.ActivateFlightPlanRequest, context: Any
    ) -> pb.ActivateFlightPlanResponse:
        while True:
            make = self._activation.at(self._clock.now())

            async def work(connection: Connection, make: Move = make) -> pb.ActivateFlightPlanResponse:
                plan = await activate(connection, request.name, request.etag, make)
                return pb.ActivateFlightPlanResponse(flight_plan=to_message(plan))

            with suppress(InUse):
                return await once(self._database, self._relay, request, pb.ActivateFlightPlanResponse, work)
            await asyncio.sleep(IN_USE_RETRY_S)  # the transaction is over, so that the plan is unlocked meanwhile

    async def EndFlightPlan(self, request: pb.EndFlightPlanRequest, context: Any) -> pb.EndFlightPlanResponse:
        now = self._clock.now()
        return await self._move(
            request, request.name, request.etag, pb.EndFlightPlanResponse, lambda plan: plan.end_flight(now)
        )

    def _submit(self, request: pb.SubmitFlightPlanRequest, name: str) -> asyncio.Future[bytes]:
        """Submits one plan to the common submission path; the future gives the serialised SubmitFlightPlanResponse."""
        proposal = proposal_of(request.parent, request.flight_plan)
        suggest = request.suggest_alternatives
        asked = request_for(request.request_id, type(request), *_identity(request, proposal.asked))
        submission = Submission(asked, proposal, name, request.validate_only)
        if self._standing.is_fit(proposal.operator, proposal.aircraft, proposal.priority):
            answer = self.batcher.submit(submission)
        else:
            fit = self._standing.await_fit(proposal.operator, proposal.aircraft, NEWS_TIMEOUT_S, proposal.priority)
            answer = self.batcher.submit_after(fit, submission)
        return asyncio.ensure_future(self._suggest(submission, answer)) if suggest else answer

    async def _suggest(self, submission: Submission, answer: asyncio.Future[bytes]) -> bytes:
        """The response with alternatives. They hold only at this moment, so they are not part of the stored
        response."""
        response = await answer
        if not only_conflicts_reject(response):
            return response
        return with_alternatives(response, submission.proposal, await self._alternatives.of(submission))

    async def ReportFlightPlanState(
        self, request: pb.ReportFlightPlanStateRequest, context: Any
    ) -> pb.ReportFlightPlanStateResponse:
        report = report_of(request)

        async def work(connection: Connection) -> pb.ReportFlightPlanStateResponse:
            plan = await self._off_nominal.report(connection, report, self._clock.now())
            return pb.ReportFlightPlanStateResponse(flight_plan=to_message(plan))

        return await once(self._database, self._relay, request, pb.ReportFlightPlanStateResponse, work)

    async def QueryAirspace(self, request: pb.QueryAirspaceRequest, context: Any) -> pb.QueryAirspaceResponse:
        asked, layer_height_m = question_of(request)
        caller = current_access().caller
        # Otherwise an operator or applicant could find out the priorities of other operators' flights.
        if caller.operator is not None or caller.roles <= {Role.APPLICANT, Role.OPERATOR}:
            require_entitled(request.priority, self._standing.operator(caller.operator or ""), "priority")
        return answer_of(await self._occupancy.of(asked, layer_height_m, request.priority, FIELD))

    async def _read(self, name: str) -> pb.FlightPlan:
        async with self._database.connection() as connection:
            return to_message(await FlightPlanStore(connection).get(name))

    async def _move(
        self, request: Mutation, name: str, etag: str, response_type: type[_Response], make: Move
    ) -> _Response:
        async def work(connection: Connection) -> _Response:
            plan = await move(FlightPlanStore(connection), name, etag, make)
            return response_type(flight_plan=to_message(plan))

        return await once(self._database, self._relay, request, response_type, work)


class _Line:
    """A message of SubmitFlightPlans; after it has been read, only what its response needs is kept."""

    def __init__(self, incoming: Incoming[pb.SubmitFlightPlansRequest]) -> None:
        self._incoming = incoming
        self.size = incoming.size
        self.key = ""
        self.suggests = False

    def read(self) -> pb.SubmitFlightPlansRequest:
        """The message.

        Raises:
            Invalid: It is too large, or cannot be parsed.
        """
        try:
            message = self._incoming.read()
        except Invalid as refusal:
            if refusal.reason == "TOO_LARGE":
                with suppress(Invalid):  # the refusal should carry the key, if it can be read
                    self.key = self._incoming.head().key
            raise
        self.key, self.suggests = message.key, message.request.suggest_alternatives
        return message


def _validate_one(message: pb.SubmitFlightPlansRequest) -> None:
    # The request is validated first and by itself, so that fields are named as SubmitFlightPlan would name them.
    if message.HasField("request"):
        validate(message.request)
    if not message.HasField("request") or len(message.key) > KEY_LENGTH_MAX or "\0" in message.key:
        validate(message)


def _identity(request: pb.SubmitFlightPlanRequest, plan: bytes) -> tuple[bytes, ...]:
    """All that identifies a submission for idempotency; the plan is already in canonical form, because this runs for
    thousands of plans. A test compares this with the fields of the message."""
    return request.parent.encode(), b"dry run" if request.validate_only else b"", plan


def _new_name(request: pb.SubmitFlightPlanRequest) -> str:
    return "" if request.validate_only else f"{request.parent}/flightPlans/{new_id()}"


async def _until_decided(
    response: pb.SubmitFlightPlanResponse, subscription: Subscription[PlanChange], deadline: float
) -> None:
    """Replaces the plan in the response by its newer versions, until it has left SUBMITTED or the time is up."""
    while response.flight_plan.state == pb.STATE_SUBMITTED:
        left_s = deadline - asyncio.get_running_loop().time()
        item = await subscription.next(left_s) if left_s > 0 else None
        if item is None:
            return
        value = item.what.event.value or b""
        response.flight_plan.CopyFrom(events_pb2.FlightPlanEvent.FromString(value).flight_plan)


def _require_visible(access: Access, plan: FlightPlan, asked: str) -> None:
    if not is_visible(access.reach, plan.operator, plan.readers):
        raise NotFound(asked)  # with the name that the caller sent: the plan's own name would reveal its operator
