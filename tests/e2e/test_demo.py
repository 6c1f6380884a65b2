"""The demo tells its story, also where it was told before: the flights of the first time still hold their airspace."""

from __future__ import annotations

import asyncio
import tempfile
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from lowsky.local.demo.command import AREA
from lowsky.local.demo.story import play
from lowsky.local.reporting import Transcript
from lowsky.local.stack import Stack
from tests.integration.local.conftest import GIVEN

MOVED = "Another flight holds this airspace"


def told(stack: Stack) -> str:
    """The story, which breaks off where anything goes otherwise than it says."""
    text = StringIO()
    asyncio.run(play(stack, Console(file=text, width=160)))
    return text.getvalue()


def test_the_story_is_told_twice_on_one_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in GIVEN:
        monkeypatch.delenv(name, raising=False)
    with tempfile.TemporaryDirectory(prefix="lowsky-") as folder:
        stack = Stack.start(Path(folder) / "state", reporter=Transcript(), env=AREA)
        try:
            first, second = told(stack), told(stack)
        finally:
            stack.stop()
    assert MOVED not in first
    assert second.count(MOVED) == 2, "one flight was rejected: two hold airspace"
