"""CheckAirspace: the geofence of flightplans, without a plan."""

from __future__ import annotations

import asyncio

from lowsky.airspace.in_force.areas import AreasInForce
from lowsky.airspace.in_force.zones import InForce
from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.errors import Invalid
from lowsky.findings.codec import finding_to_message
from lowsky.findings.finding import at_most
from lowsky.geo.codec.flights import trajectory_from_message, volumes_from_message
from lowsky.geo.heights.altitude import VerticalReference
from lowsky.geo.volumes.volumes import Volumes
from lowsky.geo.zones.index import ZoneIndex
from lowsky.geofence.areas import AreaIndex
from lowsky.geofence.draw import Airspace, draw
from lowsky.geofence.look import look
from lowsky.geofence.refusals import require_airspace, require_few

FIRST_S, LAST_S = -62_135_596_800, 253_402_300_799
"""From year 1 to year 9999: what a timestamp can tell."""


class Checking:
    """Answers what a flight would meet."""

    def __init__(self, in_force: InForce, areas: AreasInForce, reference: VerticalReference) -> None:
        self._in_force = in_force
        self._areas = areas
        self._reference = reference

    async def check(self, request: pb.CheckAirspaceRequest) -> pb.CheckAirspaceResponse:
        """The findings of the zones in force, and of the areas of authorities.

        Raises:
            Invalid: The flight cannot be drawn, lies out of time, or meets too many zones.
            Precondition: NO_AIRSPACE.
            Unavailable: The zones are not there.
        """
        if request.HasField("trajectory"):
            airspace: Airspace = trajectory_from_message(request.trajectory, "trajectory")
        else:
            airspace = volumes_from_message(request.volumes, "volumes")
        zones = await self._in_force.index()
        require_airspace(zones)
        areas = await self._areas.index()
        # A thread, whatever the size: nobody's flight waits for it, but imports and health checks share the loop.
        return await asyncio.to_thread(self._look, airspace, zones, areas)

    def _look(self, airspace: Airspace, zones: ZoneIndex[None], areas: AreaIndex) -> pb.CheckAirspaceResponse:
        field = "volumes" if isinstance(airspace, tuple) else "trajectory"
        drawn = draw([airspace], self._reference, field)
        for refusal in drawn.refused.values():
            raise refusal
        volumes = drawn.volumes
        start_s, end_s = _window(volumes, field)
        (found,) = look(zones, areas, volumes, 1, self._reference)
        require_few(found, field)
        response = pb.CheckAirspaceResponse(
            findings=[finding_to_message(finding) for finding in at_most(found)],
            airspace_revision=zones.revision,
        )
        response.time_start.FromNanoseconds(round(start_s * 1e6) * 1000)
        response.time_end.FromNanoseconds(round(end_s * 1e6) * 1000)
        return response


def _window(volumes: Volumes, field: str) -> tuple[float, float]:
    """From the first to the last instant.

    Raises:
        Invalid: It has no date.
    """
    start_s, end_s = float(volumes.start_s.min()), float(volumes.end_s.max())
    if start_s < FIRST_S or end_s > LAST_S:
        raise Invalid.field(field, "the flight is so far out in time that it has no date")
    return start_s, end_s
