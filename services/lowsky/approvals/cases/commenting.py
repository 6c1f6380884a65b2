"""Officers of the authorities concerned comment on a case; operators see nothing of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from lowsky.approvals.cases.officers import case_for_officer
from lowsky.approvals.domain.comment import COMMENTS_MAX, Comment
from lowsky.approvals.postgres.comments import CommentStore
from lowsky.auth.caller import Caller
from lowsky.auth.rules import Reach
from lowsky.db.database import Connection
from lowsky.errors import Precondition


async def comment(
    connection: Connection, name: str, text: str, officer: Caller, reach: Reach, now: datetime
) -> Comment:
    """The comment, as stored.

    Raises:
        NotFound: There is no such case, or it does not concern the officer's authority.
        Forbidden: TIED_TO_OPERATOR
        Precondition: TOO_MANY_COMMENTS
    """
    _, authority = await case_for_officer(connection, name, officer, reach, lock=True)
    store = CommentStore(connection)
    before = await store.count(name)
    if before >= COMMENTS_MAX:
        raise Precondition(
            "TOO_MANY_COMMENTS",
            f"{name} has {COMMENTS_MAX} comments, which is the limit",
            metadata={"resource": name, "limit": str(COMMENTS_MAX)},
        )
    said = Comment(authority, officer.subject, text, now)
    await store.add(name, before, said)
    return said


async def comments(connection: Connection, name: str, officer: Caller, reach: Reach) -> Sequence[Comment]:
    """The comments on a case, the oldest first.

    Raises:
        NotFound, Forbidden: As comment.
    """
    await case_for_officer(connection, name, officer, reach, lock=False)
    return await CommentStore(connection).of(name)
