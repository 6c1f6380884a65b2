"""Keyset paging: a token is the sort key of the last row, bound to the filter of its request (AIP-158)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from google.protobuf.message import Message

from lowsky.errors import Invalid

PAGE_SIZE_DEFAULT = 50
PAGE_SIZE_MAX = 1_000

PAGE_BYTES_MAX = 2 * 1024 * 1024
"""A page ends early at this size: gRPC clients receive at most 4 MiB by default."""

SUMMARISED_BYTES_MAX = 4 * PAGE_BYTES_MAX
"""Limit for the stored rows read for a page of summaries, which itself is much smaller."""

_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
"""No resource has a time outside of these."""

Row = TypeVar("Row")
Resource = TypeVar("Resource", bound=Message)

Key = tuple[str | int | float, ...]
"""Sort key of a row; the last part is unique."""


@dataclass(frozen=True, slots=True)
class Page:
    """The page that a request asks for."""

    size: int
    after: Key | None
    """Sort key of the last row of the previous page; None for the first page."""
    filter_digest: str

    @classmethod
    def asked_by(cls, request: Message, caller_scope: str = "") -> Page:
        """The page of a List request, which has ``page_size`` and ``page_token``; its other fields are the filter.

        Raises:
            Invalid: The token is not valid, or belongs to another filter.
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

    @property
    def last_text(self) -> str | None:
        """The unique part of `after`, which is a name or an id; None for the first page.

        Raises:
            Invalid: The token was forged.
        """
        if self.after is None:
            return None
        if not self.after or not isinstance(self.after[-1], str):
            raise _not_ours()
        return self.after[-1]

    @property
    def last_time(self) -> datetime:
        """The first part of `after`, where rows are sorted by a time before their names.

        Raises:
            Invalid: The token was forged.
        """
        try:
            time, _ = self.after or ()
            moment = datetime.fromisoformat(str(time))
        except ValueError:
            raise _not_ours() from None
        # The database compares instants, which need a time zone and lie within its calendar.
        if moment.tzinfo is None or not _EARLIEST <= moment <= _LATEST:
            raise _not_ours()
        return moment

    def answer(
        self, rows: Sequence[Row], resource: Callable[[Row], Resource], key: Callable[[Row], Key], *, more: bool = False
    ) -> tuple[list[Resource], str]:
        """The resources of a page and the token of the next one, which is empty if this page is the last.

        As many as fit into PAGE_BYTES_MAX; at least one, however large it is.

        Args:
            rows: Up to size + 1; one beyond the page shows that there are more.
            more: Whether there are more rows than these.
        """
        shown: list[Resource] = []
        size = 0
        for row in rows[: self.size]:
            message = resource(row)
            size += message.ByteSize()
            if shown and size > PAGE_BYTES_MAX:
                break
            shown.append(message)
        is_last = not shown or (len(shown) == len(rows) and not more)
        return shown, "" if is_last else self._token_after(key(rows[len(shown) - 1]))

    def _token_after(self, key: Key) -> str:
        text = json.dumps([self.filter_digest, *key], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(token: str, digest: str) -> Key:
    try:
        made_with, *key = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise _not_ours() from None
    if made_with != digest or not all(map(_may_be_a_key, key)):
        raise Invalid.field("page_token", "this page token belongs to another filter", "INVALID_PAGE_TOKEN")
    return tuple(key)


def _not_ours() -> Invalid:
    return Invalid.field(
        "page_token", "this page token is not valid; use the next_page_token of a response", "INVALID_PAGE_TOKEN"
    )


def _may_be_a_key(part: object) -> bool:
    # A forged token may hold text that the database refuses, which would look like an internal error.
    if isinstance(part, str):
        return "\0" not in part and not any("\ud800" <= character <= "\udfff" for character in part)
    return isinstance(part, int | float)
