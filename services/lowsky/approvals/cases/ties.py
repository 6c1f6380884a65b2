"""Nobody decides on an operator that they act for."""

from __future__ import annotations

import structlog

from lowsky.approvals.domain.approval import Approval
from lowsky.auth.caller import Caller
from lowsky.errors import Forbidden

log = structlog.get_logger()


def require_untied(officer: Caller, approval: Approval) -> None:
    """Refuses an officer whose token also names the operator of the plan, whatever roles it gives: to decide, and to
    read or write comments, which operators must not see. The attempt is logged with the claims that it came with.

    Raises:
        Forbidden: TIED_TO_OPERATOR
    """
    if officer.operator != approval.operator:
        return
    log.warning(
        "tied officer refused",
        approval=approval.name,
        operator=officer.operator,
        authority=officer.authority,
        subject=officer.subject,
        roles=sorted(officer.roles),
    )
    raise Forbidden(
        "TIED_TO_OPERATOR",
        f"you also act for {approval.operator}, whose plan this is: leave it to another officer",
        metadata={"resource": approval.name, "operator": approval.operator},
    )
