"""The topics of the system, without the prefix of an installation.

How they are made (partitions, retention, who has a dead-letter topic) is declared for the brokers in the deployment; a
test compares both.
"""

from __future__ import annotations

from typing import Final

OPERATORS: Final = "lowsky.operators.v1"
"""Operators and their aircraft."""

AUTHORITIES: Final = "lowsky.authorities.v1"

GEOZONES: Final = "lowsky.geozones.v1"
"""Geozones and datasets."""

FLIGHT_PLANS: Final = "lowsky.flight-plans.v1"

APPROVALS: Final = "lowsky.approvals.v1"

ALL: Final = (OPERATORS, AUTHORITIES, GEOZONES, FLIGHT_PLANS, APPROVALS)
