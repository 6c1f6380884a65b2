"""Converts proposals to 4D volumes, a whole batch in one pass."""

from __future__ import annotations

from collections.abc import Sequence

from lowsky.flightplans.domain.proposal import Proposal
from lowsky.geo.heights.altitude import VerticalReference
from lowsky.geofence import flight_volumes as drawing
from lowsky.geofence.flight_volumes import Drawn

__all__ = ["FIELD", "Drawn", "draw"]

FIELD = "flight_plan.trajectory"
"""The path of the trajectory in a request."""


def draw(proposals: Sequence[Proposal], reference: VerticalReference) -> Drawn:
    """The volumes of a batch of proposals; a proposal that has none gets a refusal that names the field."""
    return drawing.draw([proposal.airspace for proposal in proposals], reference, FIELD)
