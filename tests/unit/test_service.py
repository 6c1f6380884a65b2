"""The frame of a service process."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from lowsky import service


async def test_background_work_that_swallows_a_cancellation_is_cancelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "CANCEL_AGAIN_S", 0.01)
    begun = asyncio.Event()

    async def swallows_once() -> None:
        begun.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    task = asyncio.create_task(swallows_once())
    await begun.wait()
    async with asyncio.timeout(5):
        await service._end([task])
    assert task.cancelled()
