"""The topics of the system, without the prefix of an installation.

Their settings on the brokers (partitions, retention, which groups have dead letters) are declared in the deployment; a
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
