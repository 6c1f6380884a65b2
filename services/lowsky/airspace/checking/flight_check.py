"""The geofence of flightplans, without a plan."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from lowsky.airspace.in_force.areas import AreasInForce
from lowsky.airspace.in_force.zones import InForce
from lowsky.errors import Invalid
from lowsky.findings.finding import Finding, at_most
from lowsky.geo.heights.altitude import VerticalReference
from lowsky.geo.volumes.volumes import Volumes
from lowsky.geo.zones.index import ZoneIndex
from lowsky.geofence.areas import AreaIndex
from lowsky.geofence.assessing import look
from lowsky.geofence.flight_volumes import RequestedAirspace, draw
from lowsky.geofence.refusals import require_airspace, require_few

FIRST_S, LAST_S = -62_135_596_800, 253_402_300_799
"""From year 1 to year 9999: the range of a timestamp."""


@dataclass(frozen=True, slots=True)
class CheckedAirspace:
    """The findings about a flight at an airspace revision, the most severe first."""

    findings: Sequence[Finding]
    airspace_revision: int
    start_s: float
    end_s: float
    """First and last instant of the flight, seconds since 1970."""


class Checking:
    """Checks flights against the zones in force."""

    def __init__(self, in_force: InForce, areas: AreasInForce, reference: VerticalReference) -> None:
        self._in_force = in_force
        self._areas = areas
        self._reference = reference

    async def check(self, airspace: RequestedAirspace, field: str) -> CheckedAirspace:
        """The findings about the zones in force and the areas of authorities; errors name `field`.

        Raises:
            Invalid: The flight's outline is invalid, its time is out of range, or it intersects too many zones.
            Precondition: NO_AIRSPACE.
            Unavailable: The zones are not loaded.
        """
        zones = await self._in_force.index()
        require_airspace(zones)
        areas = await self._areas.index()
        # In a thread, whatever the size: no flight plan waits for it, but imports and health checks share the loop.
        return await asyncio.to_thread(self._look, airspace, field, zones, areas)

    def _look(
        self, airspace: RequestedAirspace, field: str, zones: ZoneIndex[None], areas: AreaIndex
    ) -> CheckedAirspace:
        drawn = draw([airspace], self._reference, field)
        for refusal in drawn.refused.values():
            raise refusal
        volumes = drawn.volumes
        start_s, end_s = _window(volumes, field)
        (found,) = look(zones, areas, volumes, 1, self._reference)
        require_few(found, field)
        return CheckedAirspace(at_most(found), zones.revision, start_s, end_s)


def _window(volumes: Volumes, field: str) -> tuple[float, float]:
    """From the first to the last instant.

    Raises:
        Invalid: The flight lies outside of the range of dates.
    """
    start_s, end_s = float(volumes.start_s.min()), float(volumes.end_s.max())
    if start_s < FIRST_S or end_s > LAST_S:
        raise Invalid.field(field, "the flight lies outside of the years 1 to 9999")
    return start_s, end_s
