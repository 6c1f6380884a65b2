"""What a publisher says of a file beyond what is in it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Declared:
    """Nothing said: the file speaks for itself."""


AS_PUBLISHED = Declared()
"""The file speaks for itself."""
