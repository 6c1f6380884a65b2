"""Proposals as 4D volumes, a whole batch in one pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lowsky.errors import Invalid, LowskyError
from lowsky.flightplans.domain.proposal import Proposal
from lowsky.geo.altitude import VerticalReference
from lowsky.geo.projection import LegRefused
from lowsky.geo.trajectory import Trajectory
from lowsky.geo.volumes import Volumes, corridors


@dataclass(frozen=True, slots=True)
class Drawn:
    """The volumes of a batch; ``owner`` is the place of the proposal. What cannot be drawn has a refusal instead."""

    volumes: Volumes
    refused: Mapping[int, LowskyError]


def draw(proposals: Sequence[Proposal], reference: VerticalReference) -> Drawn:
    """Corridors around the legs of trajectories, and ready-made volumes as they are."""
    trajectories = {n: p.airspace for n, p in enumerate(proposals) if isinstance(p.airspace, Trajectory)}
    ready_made = {n: p.airspace for n, p in enumerate(proposals) if not isinstance(p.airspace, Trajectory)}
    refused: dict[int, LowskyError] = {}
    parts = []
    while trajectories:
        try:
            parts.append(_owned(corridors(list(trajectories.values()), reference), list(trajectories)))
            break
        except LegRefused as leg:
            place = list(trajectories)[leg.owner]
            refused[place] = Invalid.field(
                f"flight_plan.trajectory.waypoints[{leg.leg + 1}]",
                f"the leg to waypoint {leg.leg + 1} cannot be drawn: {leg.reason}",
                "INVALID_GEOMETRY",
            )
            del trajectories[place]
    if ready_made:
        parts.append(_owned(Volumes.of(list(ready_made.values())), list(ready_made)))
    return Drawn(Volumes.join(parts) if parts else Volumes.of([]), refused)


def _owned(volumes: Volumes, places: Sequence[int]) -> Volumes:
    return replace(volumes, owner=np.array(places, dtype=np.intp)[volumes.owner])
