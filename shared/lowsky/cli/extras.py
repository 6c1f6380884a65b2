"""Whether the extra that runs a local stack is installed: the plain install does not advise commands that it lacks."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

_NEEDED = ("psutil", "starlette", "asyncpg")
"""Packages of the extra; the modules of `lowsky up` are part of every install."""


@cache
def missing_for_local_stack() -> str:
    """A package that `lowsky up` needs and that is not installed; empty if it can run."""
    for name in _NEEDED:
        try:
            found = find_spec(name) is not None
        except ImportError:
            found = False
        if not found:
            return name
    return ""


def on_local_stack(advice: str, otherwise: str = "") -> str:
    """An advice that names a command of the extra, or another one where it is not installed."""
    return otherwise if missing_for_local_stack() else advice
