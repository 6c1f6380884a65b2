"""Proposals as 4D volumes, a whole batch in one pass."""

from __future__ import annotations

from collections.abc import Sequence

from lowsky.flightplans.domain.proposal import Proposal
from lowsky.geo.heights.altitude import VerticalReference
from lowsky.geofence import draw as drawing
from lowsky.geofence.draw import Drawn

__all__ = ["FIELD", "Drawn", "draw"]

FIELD = "flight_plan.trajectory"
"""Where a request has it."""


def draw(proposals: Sequence[Proposal], reference: VerticalReference) -> Drawn:
    """The volumes of a batch of proposals; what cannot be drawn has a refusal that names the field."""
    return drawing.draw([proposal.airspace for proposal in proposals], reference, FIELD)
