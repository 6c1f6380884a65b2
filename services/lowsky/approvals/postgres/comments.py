"""Comments in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence

from lowsky.approvals.domain.comment import Comment
from lowsky.db.database import Connection


class CommentStore:
    """The comments, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, approval: str, position: int, comment: Comment) -> None:
        """Stores a comment on a case, which is locked."""
        await self._connection.execute(
            """INSERT INTO comments (approval, position, authority, officer, text, create_time)
               VALUES ($1, $2, $3, $4, $5, $6)""",
            approval,
            position,
            comment.authority,
            comment.officer,
            comment.text,
            comment.create_time,
        )

    async def count(self, approval: str) -> int:
        """How many comments a case has."""
        return int(await self._connection.fetchval("SELECT count(*) FROM comments WHERE approval = $1", approval))

    async def of(self, approval: str) -> Sequence[Comment]:
        """The comments on a case, the oldest first."""
        rows = await self._connection.fetch(
            "SELECT authority, officer, text, create_time FROM comments WHERE approval = $1 ORDER BY position", approval
        )
        return [Comment(*row) for row in rows]
