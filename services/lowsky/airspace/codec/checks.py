"""The requested flight and the findings of a check, as messages."""

from __future__ import annotations

from collections.abc import Iterable

from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.findings.codec import finding_to_message
from lowsky.findings.finding import Finding
from lowsky.geo.codec.flights import trajectory_from_message, volumes_from_message
from lowsky.geofence.flight_volumes import RequestedAirspace


def airspace_of(request: pb.CheckAirspaceRequest) -> tuple[RequestedAirspace, str]:
    """The flight, and the name of the field that holds it.

    Raises:
        Invalid: Its outline is invalid.
    """
    if request.HasField("trajectory"):
        return trajectory_from_message(request.trajectory, "trajectory"), "trajectory"
    return volumes_from_message(request.volumes, "volumes"), "volumes"


def to_message(
    findings: Iterable[Finding], airspace_revision: int, start_s: float, end_s: float
) -> pb.CheckAirspaceResponse:
    """The answer; start and end of the flight are rounded to microseconds."""
    response = pb.CheckAirspaceResponse(
        findings=[finding_to_message(finding) for finding in findings], airspace_revision=airspace_revision
    )
    response.time_start.FromNanoseconds(round(start_s * 1e6) * 1000)
    response.time_end.FromNanoseconds(round(end_s * 1e6) * 1000)
    return response
