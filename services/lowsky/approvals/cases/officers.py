"""The case that an officer acts on."""

from __future__ import annotations

from lowsky.approvals.cases.ties import require_untied
from lowsky.approvals.cases.visible import sees_as_officer
from lowsky.approvals.domain.approval import Approval
from lowsky.approvals.postgres.cases import ApprovalStore
from lowsky.auth.caller import Caller
from lowsky.auth.rules import Reach
from lowsky.db.database import Connection
from lowsky.errors import NotFound


async def case_for_officer(
    connection: Connection, name: str, officer: Caller, reach: Reach, *, lock: bool
) -> tuple[Approval, str]:
    """The case, with ``lock`` locked until the end of the transaction, and the authority that the officer acts for.

    Raises:
        NotFound: There is no such case, or it does not concern the officer's authority.
        Forbidden: TIED_TO_OPERATOR, the officer also acts for the operator.
    """
    approval = await ApprovalStore(connection).get(name, lock=lock)
    if reach.authority is None or not sees_as_officer(reach, approval):
        raise NotFound(name)
    require_untied(officer, approval)
    return approval, reach.authority


async def require_concerned(connection: Connection, name: str, reach: Reach) -> None:
    """Raises NotFound unless the case still concerns the officer's authority."""
    if not sees_as_officer(reach, await ApprovalStore(connection).get(name)):
        raise NotFound(name)
