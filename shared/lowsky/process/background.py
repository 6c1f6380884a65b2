"""Background work, which runs for as long as the process: concurrent loops, and work that is repeated.

One rule for all of it: what fails is logged and retried; it ends neither the process nor other background work. And a
single cancellation is never trusted to arrive: before Python 3.12 an `asyncio.wait_for` that completes at the moment of
a cancellation swallows it, here or in a library, and a loop around it would continue for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Final

import structlog

from lowsky.errors import Unavailable

log = structlog.get_logger()

CANCEL_AGAIN_S: Final = 3.0
"""Longer than background work takes to end, as when a consumer leaves its group."""

FAULT_RETRY_S: Final = 5.0
"""The pause after an internal error: it will probably happen again, and its stack trace fills the log."""


async def repeatedly(work: Callable[[], Awaitable[bool]], *, every_s: float, what: str) -> None:
    """Repeats a piece of work until cancelled.

    Args:
        work: Returns whether there is more to do at once.
        every_s: The pause otherwise.
        what: What is not done when it fails, for the log: "overdue plans are not closed".
    """
    unavailable = False
    while True:
        pause_s = every_s
        try:
            if await work():
                pause_s = 0.0
            unavailable = False
        except Unavailable as error:
            # Once per outage: health and the part's own log give the details.
            if not unavailable:
                log.warning(what, problem=error.message, cause=repr(error.__cause__))
            unavailable = True
        except Exception:
            log.exception(what)
            pause_s = max(every_s, FAULT_RETRY_S)
        await asyncio.sleep(pause_s)


async def persistently(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs a loop that should never end by itself, and restarts it when it fails. Returns if it does end."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("background work failed and is restarted", work=work.__qualname__)
            await asyncio.sleep(FAULT_RETRY_S)
        else:
            return


async def side_by_side(*works: Coroutine[Any, Any, None]) -> None:
    """Runs loops that belong together until one of them ends or this is cancelled; cancels and awaits the others.

    Raises:
        Exception: What the first failed loop raised.
    """
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await end(tasks)


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancels tasks repeatedly until all have ended. A cancellation of the caller meanwhile takes effect only after
    that."""
    pending = {task for task in tasks if not task.done()}
    cancelled = False
    while pending:
        for task in pending:
            task.cancel()
        try:
            _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_S)
        except asyncio.CancelledError:
            cancelled = True
            pending = {task for task in pending if not task.done()}
    if cancelled:
        raise asyncio.CancelledError
