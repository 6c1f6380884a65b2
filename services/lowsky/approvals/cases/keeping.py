"""Cases kept in step with plans: a submitted one opens a case, one that meets a changed zone renews it, one that ended
closes it. Many plans at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from lowsky.approvals.domain.approval import Approval, ApprovalState
from lowsky.approvals.domain.plan import SubmittedPlan
from lowsky.approvals.postgres.cases import ApprovalStore, ToldWithin
from lowsky.db.database import Connection
from lowsky.ids import new_id

Ending = Callable[[Approval, datetime], None]
"""What the end of a plan is to its case."""


async def open_cases(
    connection: Connection, plans: Sequence[SubmittedPlan], told_within: ToldWithin, now: datetime
) -> None:
    """Opens a case for each plan that has none yet."""
    if not plans:
        return
    store = ApprovalStore(connection)
    numbers = await store.new_numbers(len(plans), now)
    approvals = [
        Approval.open(f"approvals/{new_id()}", number, plan, now) for number, plan in zip(numbers, plans, strict=True)
    ]
    await store.add(approvals, told_within)


async def renew_cases(
    connection: Connection,
    plans: Mapping[str, SubmittedPlan],
    reopened: Collection[str],
    told_within: ToldWithin,
    now: datetime,
) -> None:
    """Takes in plans, by name, as they were checked anew. Only a plan that is under review again reopens what was
    granted: one that is only reassessed, as a flight under way is, stays granted."""
    if not plans:
        return
    store = ApprovalStore(connection)
    cases = await store.of_plans(list(plans), [ApprovalState.PENDING, ApprovalState.GRANTED])
    wanted = [case for case in cases if case.state is ApprovalState.PENDING or case.plan in reopened]
    await store.renew([case for case in wanted if case.renew(plans[case.plan], now)], told_within)


async def end_cases(
    connection: Connection, endings: Mapping[str, Ending], told_within: ToldWithin, now: datetime
) -> None:
    """Ends the cases of plans, by name, that are still pending. Most often the plan only follows its case, which is
    then decided already and stays as it is."""
    if not endings:
        return
    store = ApprovalStore(connection)
    pending = await store.of_plans(list(endings), [ApprovalState.PENDING])
    for approval in pending:
        endings[approval.plan](approval, now)
    await store.save(pending, told_within)
