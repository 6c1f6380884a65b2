"""Folds repeated log lines: while a dependency is not available, loops and libraries log it many times a second.

The first lines of a kind are logged at once, and those that follow within a window are only counted; the next one after
it states how many there were. Lines that differ in anything but time and trace are of different kinds.
"""

from __future__ import annotations

import logging
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

import structlog

WINDOW_S: Final = 30.0
"""An outage of an hour has 120 windows of each kind."""

LINES_MAX: Final = 2
"""Of a kind, in a window."""

KINDS_MAX: Final = 1_000
"""Kinds that are remembered; the one that was seen least lately is forgotten."""

_STATES: Final = frozenset({"part lost", "part well"})
"""Each says what is so from now on, the last one above all: never folded."""

_VARYING: Final = frozenset({"timestamp", "trace_id", "span_id", "exc_info"})
_TEXTS: Final = frozenset({"problem", "cause"})
"""Whose numbers (ports, offsets, times) make no other kind."""


@dataclass(slots=True)
class _Window:
    """What a window has of a kind."""

    since_s: float
    logged: int = 0
    folded: int = 0


class Folding:
    """What of each kind was logged lately; one for a process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: OrderedDict[Hashable, _Window] = OrderedDict()

    def admit(self, kind: Hashable) -> int | None:
        """Counts a line. None if it is folded; else how many of its kind were, since the last one that was logged."""
        now = self._clock()
        window = self._windows.pop(kind, None)
        folded = 0
        if window is None or now - window.since_s >= WINDOW_S:
            folded = 0 if window is None else window.folded
            window = _Window(now)
        self._windows[kind] = window
        if len(self._windows) > KINDS_MAX:
            self._windows.popitem(last=False)
        if window.logged >= LINES_MAX:
            window.folded += 1
            return None
        window.logged += 1
        return folded

    def structured(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """A processor for structlog's own lines."""
        if event.get("level") in ("debug", "info") or event.get("event") in _STATES:
            return event
        texts = [(name, _without_numbers(value) if name in _TEXTS else str(value)) for name, value in event.items()]
        kind = (*((name, text) for name, text in texts if name not in _VARYING), type(_error(event.get("exc_info"))))
        folded = self.admit(kind)
        if folded is None:
            raise structlog.DropEvent
        if folded:
            event["folded"] = folded
        return event

    def foreign(self, record: logging.LogRecord) -> bool:
        """A filter for the standard library's records: of one kind are those of one logger with one text, before that
        is filled in."""
        folded = self.admit((record.name, record.levelno, record.msg, type(_error(record.exc_info))))
        if folded:
            record.folded = folded
        return folded is not None


def add_folded(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A processor that says of a record of the standard library how many like it were folded."""
    folded = getattr(event.get("_record"), "folded", 0)
    if folded:
        event["folded"] = folded
    return event


def _error(exc_info: Any) -> object:
    return exc_info[1] if isinstance(exc_info, tuple) else exc_info


def _without_numbers(value: object) -> str:
    return re.sub(r"\d+", "#", str(value))
