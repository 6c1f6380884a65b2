"""Locks between threads, which the event loop never waits for: a thread may hold one for seconds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class InUse(Exception):
    """A thread holds what was asked for on the event loop: ask in a thread, or later."""


@contextmanager
def locked(lock: threading.Lock) -> Iterator[None]:
    """Holds a lock, for which only a thread without an event loop waits.

    Raises:
        InUse: On an event loop, while a thread holds it.
    """
    if not lock.acquire(blocking=asyncio._get_running_loop() is None):
        raise InUse
    try:
        yield
    finally:
        lock.release()
