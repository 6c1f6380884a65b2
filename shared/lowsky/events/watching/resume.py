"""Resume tokens: the vector of a topic's offsets, as an opaque text; and what a watcher gets together with one."""

from __future__ import annotations

import base64
import binascii
import json
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

from lowsky.errors import OutOfRange
from lowsky.events.watching.tail import Positions

T = TypeVar("T")


@dataclass(frozen=True)
class Happened(Generic[T]):
    """An event, and the position of the topic after it. All watchers at the same position share one object."""

    what: T
    positions: Positions
    size: int
    """Size of the event in bytes."""

    @cached_property
    def token(self) -> str:
        """The token that resumes after this event."""
        return encode_token(self.positions)


class Seen:
    """The ids of the last events: the relay may send some again after a crash, and watchers must not get them twice."""

    def __init__(self, ids_max: int) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._ids_max = ids_max

    def is_new(self, event_id: str) -> bool:
        """Returns whether the id is new, and remembers it."""
        if event_id in self._ids:
            return False
        self._ids[event_id] = None
        if len(self._ids) > self._ids_max:
            self._ids.popitem(last=False)
        return True


def encode_token(positions: Positions) -> str:
    """An opaque, stable text."""
    text = json.dumps([[p, o] for p, o in sorted(positions.items())], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_token(token: str) -> Positions:
    """The positions in a token.

    Raises:
        OutOfRange: The token is not valid.
    """
    try:
        pairs = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        positions = {int(p): int(o) for p, o in pairs}
    except (ValueError, TypeError, OverflowError, binascii.Error, RecursionError):
        raise _not_valid() from None
    if any(p < 0 or o < 0 for p, o in positions.items()):
        raise _not_valid()
    return positions


def _not_valid() -> OutOfRange:
    return OutOfRange("RESUME_TOKEN_EXPIRED", "this resume token is not valid; use one that a response contained")
