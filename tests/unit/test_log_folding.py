"""What repeats in the log is folded and counted; what differs, and what says how a part is, is not."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest
import structlog

from lowsky import log_folding
from lowsky.log_folding import LINES_MAX, WINDOW_S
from lowsky.process import logs


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Any:
    """Logs as a service does; gives a function that reads what was written since."""
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    monkeypatch.setattr(logs, "Folding", lambda: log_folding.Folding(clock))
    logs.configure("test")

    def read() -> list[dict[str, Any]]:
        text = written.getvalue()
        written.seek(0)
        written.truncate()
        return [json.loads(line) for line in text.splitlines()]

    yield read
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root.handlers[:], root.level = before[0], before[1]


def test_a_line_that_repeats_is_logged_at_once_then_counted(lines: Any, clock: Clock) -> None:
    log = structlog.get_logger()
    for _ in range(1_000):
        log.error("waiting", problem="connection 127.0.0.1:4711 refused")
    assert [line["event"] for line in lines()] == ["waiting"] * LINES_MAX
    clock.now_s = WINDOW_S
    log.error("waiting", problem="connection 127.0.0.1:4712 refused")
    assert [line["folded"] for line in lines()] == [1_000 - LINES_MAX]


def test_lines_that_differ_are_all_there(lines: Any) -> None:
    log = structlog.get_logger()
    for number in range(100):
        log.error("dead letter", offset=number)
        log.error("call failed", incident=str(number))
    assert len(lines()) == 200


def test_faults_of_another_kind_are_not_folded_into_each_other(lines: Any) -> None:
    log = structlog.get_logger()
    for error in (ValueError("a"), KeyError("b")):
        for _ in range(10):
            log.error("background work failed", exc_info=error)
    assert len(lines()) == 2 * LINES_MAX


def test_the_last_word_on_a_part_is_always_there(lines: Any) -> None:
    log = structlog.get_logger()
    for number in range(20):
        log.warning("part lost" if number % 2 else "part well", part="database")
    assert lines()[-1]["event"] == "part lost"


def test_records_of_libraries_are_folded_by_their_text_before_it_is_filled_in(lines: Any, clock: Clock) -> None:
    library = logging.getLogger("aiokafka")
    for number in range(1_000):
        library.error("Unable connect to node with id %s: %s", number, OSError(number))
    library.error("Heartbeat failed")
    told = lines()
    assert [line["event"].partition(":")[0] for line in told] == [
        *(f"Unable connect to node with id {number}" for number in range(LINES_MAX)),
        "Heartbeat failed",
    ]
    clock.now_s = WINDOW_S
    library.error("Unable connect to node with id %s: %s", 7, OSError())
    (line,) = lines()
    assert (line["folded"], line["logger"]) == (1_000 - LINES_MAX, "aiokafka")


def test_what_is_remembered_is_bounded(clock: Clock) -> None:
    kept = log_folding.Folding(clock)
    for number in range(10 * log_folding.KINDS_MAX):
        kept.admit(number)
    assert len(kept._windows) == log_folding.KINDS_MAX
