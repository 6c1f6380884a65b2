"""The cases that a caller may read, ordered by when they must be decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lowsky.approvals.cases.visible import is_visible
from lowsky.approvals.domain.approval import Approval, ApprovalState
from lowsky.approvals.postgres.cases import ApprovalStore, QueueKey
from lowsky.auth.rules import Reach
from lowsky.db.database import Connection


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filter of a list request."""

    plan: str
    """``operators/x/flightPlans/y``; empty: the cases of all plans."""
    states: tuple[ApprovalState, ...]
    """Empty: all."""
    awaiting: bool
    """Only those that the caller's authority has still to decide."""

    @property
    def any_of(self) -> Sequence[ApprovalState]:
        """The states that match the filter."""
        states = self.states or tuple(ApprovalState)
        return [state for state in states if state is ApprovalState.PENDING] if self.awaiting else states


async def queue(
    connection: Connection, wanted: Wanted, reach: Reach, after: QueueKey, limit: int, bytes_max: int
) -> tuple[Sequence[Approval], bool]:
    """The next cases after a key, and whether there are more: as many as fit into ``bytes_max``, but at least one.

    A plan has at most one case; with a filter by plan the limits do not apply.
    """
    store = ApprovalStore(connection)
    if wanted.plan:
        found = await store.of_plan(wanted.plan)
        return [approval for approval in found if _is_wanted(approval, wanted, reach)], False
    return await store.queue(
        authority=reach.authority,
        operator=reach.operator,
        states=wanted.any_of,
        awaiting=wanted.awaiting,
        after=after,
        limit=limit,
        bytes_max=bytes_max,
    )


def _is_wanted(approval: Approval, wanted: Wanted, reach: Reach) -> bool:
    awaits = reach.authority is not None and approval.awaits(reach.authority)
    return is_visible(reach, approval) and approval.state in wanted.any_of and (awaits or not wanted.awaiting)
