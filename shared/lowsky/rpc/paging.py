"""Paging by keyset: a token is the sort key of the last row, bound to the filter that it was made with (AIP-158)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from google.protobuf.message import Message

from lowsky.errors import Invalid

PAGE_SIZE_DEFAULT = 50
PAGE_SIZE_MAX = 1_000

Key = tuple[str | int | float, ...]
"""Sort key of a row; the last part is unique."""


@dataclass(frozen=True, slots=True)
class Page:
    """Which page is asked for."""

    size: int
    after: Key | None
    """Sort key of the last row of the page before; None for the first page."""
    filter_digest: str

    @classmethod
    def asked_by(cls, request: Message, caller_scope: str = "") -> Page:
        """Of a List request, which has ``page_size`` and ``page_token``; all its other fields are the filter.

        Raises:
            Invalid: The token is not one of ours, or was made with another filter.
        """
        size = getattr(request, "page_size") or PAGE_SIZE_DEFAULT  # noqa: B009  # a Message has no such attribute in types
        token = str(getattr(request, "page_token"))  # noqa: B009
        others = type(request)()
        others.CopyFrom(request)
        others.ClearField("page_size")
        others.ClearField("page_token")
        text = others.SerializeToString(deterministic=True) + caller_scope.encode()
        digest = hashlib.blake2b(text, digest_size=8).hexdigest()
        return cls(min(size, PAGE_SIZE_MAX), _decode(token, digest) if token else None, digest)

    def next_token(self, keys: Sequence[Key]) -> str:
        """The token of the next page, given the sort keys of up to size + 1 rows; empty when this page is the last."""
        if len(keys) <= self.size:
            return ""
        text = json.dumps([self.filter_digest, *keys[self.size - 1]], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(token: str, digest: str) -> Key:
    try:
        made_with, *key = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise Invalid.field("page_token", "this page token is not one of ours", "INVALID_PAGE_TOKEN") from None
    if made_with != digest or not all(map(_may_be_a_key, key)):
        raise Invalid.field("page_token", "this page token was made with another filter", "INVALID_PAGE_TOKEN")
    return tuple(key)


def _may_be_a_key(part: object) -> bool:
    # Texts that were forged may hold what the database does not take, which would be a fault of ours.
    if isinstance(part, str):
        return "\0" not in part and not any("\ud800" <= character <= "\udfff" for character in part)
    return isinstance(part, int | float)
