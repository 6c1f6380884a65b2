"""Comments on cases, between authorities."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

COMMENTS_MAX: Final = 200
"""Of a case: with 2 000 characters each they fit into one answer."""


@dataclass(frozen=True, slots=True)
class Comment:
    """What an officer says to the authorities concerned."""

    authority: str
    officer: str
    """Subject of the token."""
    text: str
    create_time: datetime
