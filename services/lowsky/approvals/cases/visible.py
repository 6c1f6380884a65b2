"""Which cases a caller may read: an officer those that concern the authority, an operator those of its plans."""

from __future__ import annotations

from lowsky.approvals.domain.approval import Approval
from lowsky.auth.rules import Reach


def sees_as_officer(reach: Reach, approval: Approval) -> bool:
    """Whether the case concerns the authority that the caller acts for."""
    return reach.authority is not None and approval.concerns(reach.authority)


def is_visible(reach: Reach, approval: Approval) -> bool:
    """Whether the case may be read."""
    return sees_as_officer(reach, approval) or reach.covers_operator(approval.plan)
