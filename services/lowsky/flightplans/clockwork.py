"""What is done again and again, whoever calls: moves that only the time makes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from lowsky.errors import Unavailable

log = structlog.get_logger()

EVERY_S: Final = 2.0

RETRY_S: Final = 5.0


async def repeat(some: Callable[[], Awaitable[int]], batch: int, what: str) -> None:
    """Runs until cancelled. What fails is begun again.

    Args:
        some: Does the next few, and says how many these were: as many as a batch, and there may be more.
        what: What it does, for the log.
    """
    while True:
        pause_s = EVERY_S
        try:
            if await some() == batch:
                continue
        except Unavailable as error:
            log.warning("not for now", work=what, problem=error.message)
        except Exception:
            log.exception("failed", work=what)  # a fault of ours, which must not end all the rest
            pause_s = RETRY_S
        await asyncio.sleep(pause_s)
