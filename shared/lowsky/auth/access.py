"""The caller of the current RPC and their scope, for the service that answers it."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from lowsky.auth.caller import Caller
from lowsky.auth.rules import Reach


@dataclass(frozen=True, slots=True)
class Access:
    """Who is calling, and their scope for this RPC."""

    caller: Caller
    reach: Reach


_current: ContextVar[Access] = ContextVar("access")


def current_access() -> Access:
    """The access of the current RPC, set by the pipeline. A LookupError outside of an RPC is a programming error."""
    return _current.get()


def set_current_access(access: Access) -> None:
    """Sets the access of the current RPC; called by the pipeline."""
    _current.set(access)
