"""The operators that a caller may read: those within its reach, and those for which the caller applied."""

from __future__ import annotations

from lowsky.auth.rules import Reach
from lowsky.registration.domain.operator import Operator


def is_visible(reach: Reach, operator: Operator) -> bool:
    """Whether an operator may be read."""
    return reach.covers_operator(operator.name) or reach.applicant == operator.applicant
