"""Why an authority decided as it did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason as an officer gives it."""

    text: str
    """For people."""
    codes: tuple[str, ...] = ()
    """For machines: codes of the catalogue that apply."""


@dataclass(frozen=True, slots=True)
class Rescission:
    """How a case was rescinded."""

    authority: str
    """``authorities/x``."""
    officer: str
    """Subject of the officer's token."""
    reason: str
    reason_codes: tuple[str, ...]
    rescind_time: datetime
