"""An officer decides for an authority."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lowsky.approvals.cases.officers import case_for_officer
from lowsky.approvals.codec.plans import airspace_revision_of
from lowsky.approvals.domain.approval import Approval, Outcome
from lowsky.approvals.domain.reasons import Reason
from lowsky.approvals.postgres.cases import ApprovalStore
from lowsky.auth.caller import Caller
from lowsky.auth.rules import Reach
from lowsky.db.database import Connection


@dataclass(frozen=True, slots=True)
class OfficerDecision:
    """The decision of an officer about a case, in the version that this etag identifies."""

    approval: str
    etag: str
    outcome: Outcome
    reason: Reason
    officer: Caller


async def decide(connection: Connection, decision: OfficerDecision, reach: Reach, now: datetime) -> Approval:
    """The case after the decision.

    If another authority has decided since the officer read the case, the etag is stale on purpose: an officer approves
    what they saw.

    Raises:
        NotFound: There is no such case, or it does not concern the officer's authority.
        Forbidden: TIED_TO_OPERATOR, the officer also acts for the operator.
        StaleEtag, IllegalMove, Precondition
    """
    approval, authority = await case_for_officer(connection, decision.approval, decision.officer, reach, lock=True)
    approval.decide(
        authority,
        decision.outcome,
        officer=decision.officer.subject,
        reason=decision.reason,
        etag=decision.etag,
        now=now,
        airspace_revision=airspace_revision_of(approval.snapshot),
    )
    await ApprovalStore(connection).save([approval])
    return approval
