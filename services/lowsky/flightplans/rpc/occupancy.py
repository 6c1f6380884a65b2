"""Conversion of occupancy queries and their results from and to messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from google.protobuf.timestamp_pb2 import Timestamp

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.errors import Invalid
from lowsky.flightplans.openings.occupancy import ASKED_MAX, LAYER_HEIGHT_M, WINDOW_S_MAX, OccupiedLayer
from lowsky.geo.codec.flights import volumes_from_message
from lowsky.geo.codec.volumes import band_to_message
from lowsky.geo.volumes.volumes import Volume4D

FIELD = "volumes.volumes"
"""The path of the volumes in a request."""


def question_of(request: pb.QueryAirspaceRequest) -> tuple[Sequence[Volume4D], float]:
    """The volumes of a validated request, and the height of layers, metres.

    Raises:
        Invalid: As for the volumes of a plan; too many volumes, or too long a time window.
    """
    count = len(request.volumes.volumes)
    if count > ASKED_MAX:
        raise Invalid.field(FIELD, f"{count} volumes are more than {ASKED_MAX}", "TOO_LARGE", limit=str(ASKED_MAX))
    asked = volumes_from_message(request.volumes, "volumes")
    for n, volume in enumerate(asked):
        if volume.end_s - volume.start_s > WINDOW_S_MAX:
            message = f"a time window may last at most {WINDOW_S_MAX} s"
            raise Invalid.field(f"{FIELD}[{n}].time_end", message, "TOO_LARGE", limit=str(WINDOW_S_MAX))
    return asked, request.layer_height_m or LAYER_HEIGHT_M


def answer_of(occupancies: Iterable[Sequence[OccupiedLayer]]) -> pb.QueryAirspaceResponse:
    """The response."""
    return pb.QueryAirspaceResponse(
        occupancies=[pb.VolumeOccupancy(layers=[_layer(layer) for layer in layers]) for layers in occupancies]
    )


def _layer(layer: OccupiedLayer) -> pb.LayerOccupancy:
    return pb.LayerOccupancy(
        altitude=band_to_message(layer.altitude),
        free=[_interval(start_s, end_s, inwards=True) for start_s, end_s in layer.free],
        busy=[_interval(start_s, end_s, inwards=False) for start_s, end_s in layer.busy],
    )


def _interval(start_s: float, end_s: float, *, inwards: bool) -> pb.TimeInterval:
    return pb.TimeInterval(start=_timestamp(start_s, later=inwards), end=_timestamp(end_s, later=not inwards))


def _timestamp(moment_s: float, *, later: bool) -> Timestamp:
    """Rounded to the microsecond, about the resolution of floating point, and never so that reserved time seems
    free."""
    micros = round(moment_s * 1e6)
    read_s = micros / 1_000_000  # the value when a request with that time is read
    if later and read_s < moment_s:
        micros += 1
    elif not later and read_s > moment_s:
        micros -= 1
    message = Timestamp()
    message.FromMicroseconds(micros)
    return message
