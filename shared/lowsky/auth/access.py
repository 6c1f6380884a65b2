"""The caller of the RPC under way and how far they reach, for the service that answers it."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from lowsky.auth.caller import Caller
from lowsky.auth.rules import Reach


@dataclass(frozen=True, slots=True)
class Access:
    """Who is calling, and how far they reach with this RPC."""

    caller: Caller
    reach: Reach


_current: ContextVar[Access] = ContextVar("access")


def current_access() -> Access:
    """Of the RPC under way. Set by the pipeline; a LookupError anywhere else is a mistake of ours."""
    return _current.get()


def set_current_access(access: Access) -> None:
    """For the pipeline."""
    _current.set(access)
