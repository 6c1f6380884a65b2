"""Keeps cases in step with plans: a submitted plan opens a case, a plan affected by a changed zone renews its case, and
a plan that ended closes it. Many plans at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from lowsky.approvals.domain.approval import Approval, ApprovalState
from lowsky.approvals.domain.plan import SubmittedPlan
from lowsky.approvals.postgres.cases import ApprovalStore, EmitContext
from lowsky.db.database import Connection
from lowsky.ids import new_id

Ending = Callable[[Approval, datetime], None]
"""The transition of a case when its plan ends."""


async def open_cases(
    connection: Connection, plans: Sequence[SubmittedPlan], context_of: EmitContext, now: datetime
) -> None:
    """Opens a case for each plan that has none yet."""
    if not plans:
        return
    store = ApprovalStore(connection)
    numbers = await store.new_numbers(len(plans), now)
    approvals = [
        Approval.open(f"approvals/{new_id()}", number, plan, now) for number, plan in zip(numbers, plans, strict=True)
    ]
    await store.add(approvals, context_of)


async def renew_cases(
    connection: Connection,
    plans: Mapping[str, SubmittedPlan],
    reopened: Collection[str],
    context_of: EmitContext,
    now: datetime,
) -> None:
    """Updates the cases of plans, by name, that were checked again. Only a plan that is under review again reopens a
    granted case: a plan that is only reassessed, such as a flight in progress, stays granted."""
    if not plans:
        return
    store = ApprovalStore(connection)
    cases = await store.of_plans(list(plans), [ApprovalState.PENDING, ApprovalState.GRANTED])
    wanted = [case for case in cases if case.state is ApprovalState.PENDING or case.plan in reopened]
    await store.renew([case for case in wanted if case.renew(plans[case.plan], now)], context_of)


async def end_cases(
    connection: Connection, endings: Mapping[str, Ending], context_of: EmitContext, now: datetime
) -> None:
    """Ends the cases, by plan name, that are still pending. Usually the plan ended because of its case, which is then
    already decided and does not change."""
    if not endings:
        return
    store = ApprovalStore(connection)
    pending = await store.of_plans(list(endings), [ApprovalState.PENDING])
    for approval in pending:
        endings[approval.plan](approval, now)
    await store.save(pending, context_of)
