"""ApprovalsService."""

from __future__ import annotations

from functools import partial
from typing import Any

from lowsky.api.approvals.v1 import approvals_pb2 as pb
from lowsky.api.approvals.v1 import approvals_pb2_grpc
from lowsky.api.flightplans.v1 import flight_plans_pb2
from lowsky.approvals.cases.commenting import comment, comments
from lowsky.approvals.cases.deciding import OfficerDecision, decide
from lowsky.approvals.cases.officers import require_concerned
from lowsky.approvals.cases.queue import Wanted, queue
from lowsky.approvals.cases.rescinding import OfficerRescission, rescind
from lowsky.approvals.cases.visible import is_visible, sees_as_officer
from lowsky.approvals.codec.approvals import outcome_of, states_of, to_message
from lowsky.approvals.codec.comments import comment_to_message
from lowsky.approvals.codec.reasons import reason_code_to_message
from lowsky.approvals.domain.approval import Approval, Outcome
from lowsky.approvals.domain.reasons import Reason
from lowsky.approvals.postgres.cases import BEGINNING, ApprovalStore
from lowsky.auth.access import current_access
from lowsky.auth.rules import Reach
from lowsky.clock import Clock
from lowsky.db.database import Connection, Database
from lowsky.errors import NotFound
from lowsky.events.relay import Relay
from lowsky.jurisdictions.reasons import ReasonCodes
from lowsky.rpc.once import once
from lowsky.rpc.paging import PAGE_BYTES_MAX, SUMMARISED_BYTES_MAX, Page
from lowsky.rpc.summaries import summarised


class ApprovalsServicer(approvals_pb2_grpc.ApprovalsServiceServicer):
    """Officers see the cases that concern their authority, operators those of their plans; a caller who is both sees
    both."""

    def __init__(self, database: Database, relay: Relay, clock: Clock, reason_codes: ReasonCodes) -> None:
        self._reason_codes = reason_codes
        self._database = database
        self._relay = relay
        self._clock = clock

    async def GetApproval(self, request: pb.GetApprovalRequest, context: Any) -> pb.GetApprovalResponse:
        async with self._database.connection() as connection:
            approval = await ApprovalStore(connection).get(request.name)
        reach = current_access().reach
        if not is_visible(reach, approval):
            raise NotFound(request.name)
        return pb.GetApprovalResponse(approval=_shown(approval, reach))

    async def ListApprovals(self, request: pb.ListApprovalsRequest, context: Any) -> pb.ListApprovalsResponse:
        reach = current_access().reach
        page = Page.asked_by(request, f"{reach.authority} {reach.operator}")
        wanted = Wanted(request.flight_plan, states_of(request.states), request.awaiting_me)
        after = (page.last_time, page.last_text or "") if page.after else BEGINNING
        summary = request.view == flight_plans_pb2.VIEW_SUMMARY
        bytes_max = SUMMARISED_BYTES_MAX if summary else PAGE_BYTES_MAX
        async with self._database.connection() as connection:
            found, more = await queue(connection, wanted, reach, after, page.size, bytes_max)
        shown, token = page.answer(
            found,
            lambda approval: _shown(approval, reach, summary=summary),
            lambda approval: (approval.decide_by_time.isoformat(), approval.name),
            more=more,
        )
        return pb.ListApprovalsResponse(approvals=shown, next_page_token=token)

    async def DecideApproval(self, request: pb.DecideApprovalRequest, context: Any) -> pb.DecideApprovalResponse:
        access = current_access()
        reach = access.reach
        outcome = outcome_of(request.outcome)
        self._reason_codes.require(request.reason_codes, "GRANT" if outcome is Outcome.GRANTED else "REJECTION")
        decision = OfficerDecision(
            approval=request.name,
            etag=request.etag,
            outcome=outcome,
            reason=Reason(request.reason, tuple(request.reason_codes)),
            officer=access.caller,
        )

        async def work(connection: Connection) -> pb.DecideApprovalResponse:
            approval = await decide(connection, decision, reach, self._clock.now())
            return pb.DecideApprovalResponse(approval=_shown(approval, reach))

        visible = partial(require_concerned, name=request.name, reach=reach)
        return await once(self._database, self._relay, request, pb.DecideApprovalResponse, work, visible)

    async def RescindApproval(self, request: pb.RescindApprovalRequest, context: Any) -> pb.RescindApprovalResponse:
        access = current_access()
        reach = access.reach
        self._reason_codes.require(request.reason_codes, "RESCISSION")
        rescission = OfficerRescission(
            approval=request.name,
            etag=request.etag,
            reason=Reason(request.reason, tuple(request.reason_codes)),
            officer=access.caller,
        )

        async def work(connection: Connection) -> pb.RescindApprovalResponse:
            approval = await rescind(connection, rescission, reach, self._clock.now())
            return pb.RescindApprovalResponse(approval=_shown(approval, reach))

        visible = partial(require_concerned, name=request.name, reach=reach)
        return await once(self._database, self._relay, request, pb.RescindApprovalResponse, work, visible)

    async def CommentApproval(self, request: pb.CommentApprovalRequest, context: Any) -> pb.CommentApprovalResponse:
        access = current_access()
        now = self._clock.now()

        async def work(connection: Connection) -> pb.CommentApprovalResponse:
            said = await comment(connection, request.name, request.text, access.caller, access.reach, now)
            return pb.CommentApprovalResponse(comment=comment_to_message(said))

        visible = partial(require_concerned, name=request.name, reach=access.reach)
        return await once(self._database, self._relay, request, pb.CommentApprovalResponse, work, visible)

    async def ListApprovalComments(
        self, request: pb.ListApprovalCommentsRequest, context: Any
    ) -> pb.ListApprovalCommentsResponse:
        access = current_access()
        async with self._database.connection() as connection:
            found = await comments(connection, request.name, access.caller, access.reach)
        return pb.ListApprovalCommentsResponse(comments=[comment_to_message(one) for one in found])

    async def ListReasonCodes(self, request: pb.ListReasonCodesRequest, context: Any) -> pb.ListReasonCodesResponse:
        return pb.ListReasonCodesResponse(
            reason_codes=[reason_code_to_message(code) for code in self._reason_codes.all()]
        )


def _shown(approval: Approval, reach: Reach, *, summary: bool = False) -> pb.Approval:
    message = to_message(approval, with_officers=sees_as_officer(reach, approval))
    if summary:
        summarised(message.flight_plan)
    return message
