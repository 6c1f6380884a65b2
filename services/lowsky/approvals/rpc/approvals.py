"""ApprovalsService."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lowsky.api.approvals.v1 import approvals_pb2 as pb
from lowsky.api.approvals.v1 import approvals_pb2_grpc
from lowsky.api.flightplans.v1 import flight_plans_pb2
from lowsky.approvals.codec.approvals import outcome_of, states_of, to_message
from lowsky.approvals.domain.approval import Approval, ApprovalState
from lowsky.approvals.postgres.cases import BEGINNING, ApprovalStore
from lowsky.auth.access import current_access
from lowsky.auth.rules import Reach
from lowsky.clock import Clock
from lowsky.db.database import Connection, Database
from lowsky.errors import NotFound
from lowsky.events.relay import Relay
from lowsky.rpc.once import once
from lowsky.rpc.paging import PAGE_BYTES_MAX, SUMMARISED_BYTES_MAX, Page
from lowsky.rpc.summaries import summarised


class ApprovalsServicer(approvals_pb2_grpc.ApprovalsServiceServicer):
    """Officers see the cases that concern their authority, operators those of their plans, who is both sees both."""

    def __init__(self, database: Database, relay: Relay, clock: Clock) -> None:
        self._database = database
        self._relay = relay
        self._clock = clock

    async def GetApproval(self, request: pb.GetApprovalRequest, context: Any) -> pb.GetApprovalResponse:
        async with self._database.connection() as connection:
            approval = await ApprovalStore(connection).get(request.name)
        reach = current_access().reach
        if not _is_visible(approval, reach):
            raise NotFound(request.name)
        return pb.GetApprovalResponse(approval=_shown(approval, reach))

    async def ListApprovals(self, request: pb.ListApprovalsRequest, context: Any) -> pb.ListApprovalsResponse:
        reach = current_access().reach
        page = Page.asked_by(request, f"{reach.authority} {reach.operator}")
        states = states_of(request.states) or tuple(ApprovalState)
        if request.awaiting_me:
            states = tuple(state for state in states if state is ApprovalState.PENDING)
        after = (page.last_time, page.last_text or "") if page.after else BEGINNING
        summary = request.view == flight_plans_pb2.VIEW_SUMMARY
        more = False
        async with self._database.connection() as connection:
            store = ApprovalStore(connection)
            if request.flight_plan:
                found = _filtered(await store.of_plan(request.flight_plan), reach, states, request.awaiting_me)
            else:
                found, more = await store.queue(
                    authority=reach.authority,
                    operator=reach.operator,
                    states=states,
                    awaiting=request.awaiting_me,
                    after=after,
                    limit=page.size,
                    bytes_max=SUMMARISED_BYTES_MAX if summary else PAGE_BYTES_MAX,
                )
        shown, token = page.answer(
            found,
            lambda approval: _shown(approval, reach, summary=summary),
            lambda approval: (approval.decide_by_time.isoformat(), approval.name),
            more=more,
        )
        return pb.ListApprovalsResponse(approvals=shown, next_page_token=token)

    async def DecideApproval(self, request: pb.DecideApprovalRequest, context: Any) -> pb.DecideApprovalResponse:
        """For the caller's authority. Where another authority decided since the officer read the case, the etag is
        stale, on purpose: the officer approves what the officer saw."""
        access = current_access()

        async def decide(connection: Connection) -> pb.DecideApprovalResponse:
            store = ApprovalStore(connection)
            approval = await store.get(request.name, lock=True)
            authority = access.reach.authority
            if authority is None or not approval.concerns(authority):
                raise NotFound(request.name)
            approval.decide(
                authority,
                outcome_of(request.outcome),
                officer=access.caller.subject,
                reason=request.reason,
                etag=request.etag,
                now=self._clock.now(),
            )
            await store.save([approval])
            return pb.DecideApprovalResponse(approval=_shown(approval, access.reach))

        async def still_visible(connection: Connection) -> None:
            if not _sees_as_officer(await ApprovalStore(connection).get(request.name), access.reach):
                raise NotFound(request.name)

        return await once(self._database, self._relay, request, pb.DecideApprovalResponse, decide, still_visible)


def _sees_as_officer(approval: Approval, reach: Reach) -> bool:
    return reach.authority is not None and approval.concerns(reach.authority)


def _is_visible(approval: Approval, reach: Reach) -> bool:
    return _sees_as_officer(approval, reach) or reach.covers_operator(approval.plan)


def _shown(approval: Approval, reach: Reach, *, summary: bool = False) -> pb.Approval:
    message = to_message(approval, with_officers=_sees_as_officer(approval, reach))
    if summary:
        summarised(message.flight_plan)
    return message


def _filtered(
    approvals: Sequence[Approval], reach: Reach, states: Sequence[ApprovalState], awaiting_me: bool
) -> Sequence[Approval]:
    return [
        approval
        for approval in approvals
        if _is_visible(approval, reach)
        and approval.state in states
        and (not awaiting_me or (reach.authority is not None and approval.awaits(reach.authority)))
    ]
