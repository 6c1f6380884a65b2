"""Conversion of comments to protobuf messages."""

from __future__ import annotations

from lowsky.api.approvals.v1 import approvals_pb2 as pb
from lowsky.approvals.domain.comment import Comment


def comment_to_message(comment: Comment) -> pb.ApprovalComment:
    """The message, for officers."""
    message = pb.ApprovalComment(authority=comment.authority, officer=comment.officer, text=comment.text)
    message.create_time.FromDatetime(comment.create_time)
    return message
