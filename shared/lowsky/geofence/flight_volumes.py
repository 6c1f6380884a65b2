"""Converts requested airspace to 4D volumes, a whole batch in one pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from lowsky.errors import Invalid, LowskyError
from lowsky.geo.heights.altitude import VerticalReference
from lowsky.geo.shapes.projection import LegRefused
from lowsky.geo.volumes.trajectory import Trajectory
from lowsky.geo.volumes.volumes import Volume4D, Volumes, corridors

RequestedAirspace: TypeAlias = Trajectory | tuple[Volume4D, ...]
"""A trajectory, or ready-made volumes."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """The volumes of a batch; ``owner`` is the index in it. Invalid airspace has a refusal instead."""

    volumes: Volumes
    refused: Mapping[int, LowskyError]


def draw(airspaces: Sequence[RequestedAirspace], reference: VerticalReference, field: str) -> Drawn:
    """Corridors around the legs of trajectories, and ready-made volumes as they are.

    Args:
        field: Path of the trajectory in the request, for refusals.
    """
    trajectories = {n: one for n, one in enumerate(airspaces) if isinstance(one, Trajectory)}
    ready_made = {n: one for n, one in enumerate(airspaces) if not isinstance(one, Trajectory)}
    refused: dict[int, LowskyError] = {}
    parts = []
    while trajectories:
        try:
            parts.append(corridors(list(trajectories.values()), reference).of_places(list(trajectories)))
            break
        except LegRefused as leg:
            place = list(trajectories)[leg.owner]
            refused[place] = Invalid.field(
                f"{field}.waypoints[{leg.leg + 1}]",
                f"the leg to waypoint {leg.leg + 1} cannot be drawn: {leg.reason}",
                "INVALID_GEOMETRY",
            )
            del trajectories[place]
    if ready_made:
        parts.append(Volumes.of(list(ready_made.values())).of_places(list(ready_made)))
    return Drawn(Volumes.join(parts) if parts else Volumes.of([]), refused)
