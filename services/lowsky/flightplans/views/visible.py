"""The plans that a caller may read: an operator its own, an officer those that concern or touch its authority."""

from __future__ import annotations

from collections.abc import Collection

from lowsky.auth.rules import Reach


def is_visible(reach: Reach, operator: str, authorities: Collection[str]) -> bool:
    """Whether a plan of an operator that concerns or touches these authorities may be read."""
    return reach.covers_operator(operator) or (reach.authority is not None and reach.authority in authorities)
