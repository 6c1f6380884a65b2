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
    """What happened, and where the topic is after it. One object serves all watchers that are at the same place."""

    what: T
    positions: Positions
    size: int
    """Bytes of the event."""

    @cached_property
    def token(self) -> str:
        """Goes on after this."""
        return encode_token(self.positions)


class Seen:
    """The ids of the last events: the relay may send some again after a crash, and no watcher gets them twice."""

    def __init__(self, ids_max: int) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._ids_max = ids_max

    def is_new(self, event_id: str) -> bool:
        """Whether it was not seen yet; from now on it was."""
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
        OutOfRange: It is not one of ours.
    """
    try:
        pairs = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        positions = {int(p): int(o) for p, o in pairs}
    except (ValueError, TypeError, OverflowError, binascii.Error, RecursionError):
        raise OutOfRange("RESUME_TOKEN_EXPIRED", "this resume token is not one of ours") from None
    if any(p < 0 or o < 0 for p, o in positions.items()):
        raise OutOfRange("RESUME_TOKEN_EXPIRED", "this resume token is not one of ours")
    return positions
