"""Runs work in a thread. A thread cannot be cancelled: its resources count as used until it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


async def in_thread(
    function: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Result:
    """As asyncio.to_thread, but on cancellation it returns only when the thread has ended.

    Otherwise the locks and the memory that the caller accounts for would count as free while the thread still uses
    them: a client that repeatedly sends large files and disconnects could exhaust the memory.
    """
    work = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait({work})
        raise
