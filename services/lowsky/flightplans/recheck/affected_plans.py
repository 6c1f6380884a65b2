"""Finds the plans that a changed zone affects: first by one leg of each, which finds nearly all of them, then by all
legs of the other plans. Plans that are not affected need no geofence check, and affected ones usually only one leg."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from lowsky.errors import LowskyError
from lowsky.flightplans.checks.flight_volumes import FIELD
from lowsky.flightplans.domain.plan import Extent
from lowsky.geo.heights.altitude import VerticalReference
from lowsky.geo.shapes.projection import LegRefused
from lowsky.geo.volumes.trajectory import Trajectory
from lowsky.geo.volumes.volumes import corridors
from lowsky.geo.zones.index import ZoneIndex
from lowsky.geofence.flight_volumes import RequestedAirspace, draw

BOXES_MAX = 16
"""Boxes of changed zones that plans are compared with. More are replaced by one box around them all, as when an import
changes a whole country."""


def touched(
    airspaces: Sequence[RequestedAirspace], changed: ZoneIndex[object], reference: VerticalReference
) -> tuple[set[int], Mapping[int, LowskyError]]:
    """The indexes of those that overlap a zone horizontally, in altitude and in time; and why others cannot be drawn,
    by index."""
    found = _by_central_leg(airspaces, changed, reference)
    others = [index for index in range(len(airspaces)) if index not in found]
    drawn = draw([airspaces[index] for index in others], reference, FIELD)
    owners = drawn.volumes.owner[changed.touching(drawn.volumes, reference).volume]
    found.update(others[owner] for owner in np.unique(owners).tolist())
    return found, {others[index]: refusal for index, refusal in drawn.refused.items()}


def _by_central_leg(
    airspaces: Sequence[RequestedAirspace], changed: ZoneIndex[object], reference: VerticalReference
) -> set[int]:
    """The indexes of those whose most central leg overlaps a zone."""
    trajectories = {index: one for index, one in enumerate(airspaces) if isinstance(one, Trajectory)}
    if not trajectories:
        return set()
    listed = list(trajectories.values())
    try:
        volumes = corridors(listed, reference, central_legs(listed, boxes_of(changed)))
    except LegRefused:
        return set()  # the check of all legs reports which, and why
    owners = volumes.owner[changed.touching(volumes, reference).volume]
    return set(np.array(list(trajectories))[owners].tolist())


def central_legs(trajectories: Sequence[Trajectory], boxes: Sequence[Extent]) -> NDArray[np.intp]:
    """For each trajectory the leg that begins nearest to the centre of a box, relative to the box's size: its index
    among the legs of all.

    It is the most likely to overlap the zone in the box; nothing else depends on the choice."""
    longitudes = np.concatenate([trajectory.longitudes[:-1] for trajectory in trajectories])
    latitudes = np.concatenate([trajectory.latitudes[:-1] for trajectory in trajectories])
    counts = np.array([trajectory.leg_count for trajectory in trajectories])
    west, south, east, north = np.array(boxes).T[:, :, np.newaxis]
    across = np.abs(2.0 * longitudes - west - east) / (east - west)
    along = np.abs(2.0 * latitudes - south - north) / (north - south)
    order = np.lexsort((np.maximum(across, along).min(axis=0), np.repeat(np.arange(len(counts)), counts)))
    central: NDArray[np.intp] = order[np.cumsum(counts) - counts]
    return central


def boxes_of(zones: ZoneIndex[object]) -> Sequence[Extent]:
    """Boxes around the parts of zones, or one around them all."""
    parts = shapely.get_parts([layer.outline for zone in zones.zones for layer in zone.geozone.layers])
    boxes = shapely.bounds(parts) if len(parts) <= BOXES_MAX else shapely.total_bounds(parts)[np.newaxis]
    return [(west, south, east, north) for west, south, east, north in boxes.tolist()]
