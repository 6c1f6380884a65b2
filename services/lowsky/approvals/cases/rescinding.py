"""An officer takes the grant of an authority back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lowsky.approvals.cases.officers import case_for_officer
from lowsky.approvals.domain.approval import Approval
from lowsky.approvals.domain.reasons import Reason
from lowsky.approvals.postgres.cases import ApprovalStore
from lowsky.auth.caller import Caller
from lowsky.auth.rules import Reach
from lowsky.db.database import Connection


@dataclass(frozen=True, slots=True)
class OfficerRescission:
    """The rescission of a case, in the version that this etag identifies."""

    approval: str
    etag: str
    reason: Reason
    officer: Caller


async def rescind(connection: Connection, rescission: OfficerRescission, reach: Reach, now: datetime) -> Approval:
    """The case after the rescission; its event makes the plan follow.

    The plan may have been activated meanwhile: then it is rescinded in the air, and keeps its airspace until it is
    down.

    Raises:
        NotFound: There is no such case, or it does not concern the officer's authority.
        Forbidden: TIED_TO_OPERATOR, the officer also acts for the operator.
        StaleEtag, IllegalMove, Precondition
    """
    approval, authority = await case_for_officer(connection, rescission.approval, rescission.officer, reach, lock=True)
    approval.rescind(
        authority, officer=rescission.officer.subject, reason=rescission.reason, etag=rescission.etag, now=now
    )
    await ApprovalStore(connection).save([approval])
    return approval
