"""`lowsky plan airspace`: the times and altitudes at which airspace is free of flights, to plan one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lowsky.cli.deferred import deferred
from lowsky.cli.output import row, table
from lowsky.cli.plans.options import ReferenceSystem
from lowsky.cli.plans.requests import volumes_in
from lowsky.cli.problems import invalid
from lowsky.cli.session.session import session_of
from lowsky.cli.values import enum_value, later, parse_time, reference_system_value, show_band, show_time

if TYPE_CHECKING:
    from rich.console import RenderableType

    from lowsky.api.assessment.v1 import assessment_pb2
    from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
    from lowsky.api.geo.v1 import geo_pb2
else:
    assessment_pb2 = deferred("lowsky.api.assessment.v1.assessment_pb2")
    pb = deferred("lowsky.api.flightplans.v1.flight_plans_pb2")
    geo_pb2 = deferred("lowsky.api.geo.v1.geo_pb2")


WINDOW = timedelta(hours=2)
"""Duration from now, if no times are given."""

_ADVICE = "as in 22.54,114.06"


def airspace(
    context: typer.Context,
    place: Annotated[
        str | None, typer.Argument(metavar="LAT,LON", help="Degrees north and east; -- before a southern one.")
    ] = None,
    volumes: Annotated[
        Path | None,
        typer.Option(
            "--volumes", help="Instead of a position and times: a FlightPlan message in protobuf JSON, with volumes."
        ),
    ] = None,
    radius: Annotated[float, typer.Option("--radius", min=1, max=100_000, help="Metres around the position.")] = 500.0,
    lowest: Annotated[float, typer.Option("--from", min=-1_000, max=100_000, help="Metres above ground.")] = 0.0,
    highest: Annotated[float, typer.Option("--to", min=-1_000, max=100_000, help="Metres above ground.")] = 120.0,
    after: Annotated[
        str | None, typer.Option("--after", metavar="TIME", help="As in 2026-11-25T09:00+08:00. Default: now.")
    ] = None,
    before: Annotated[
        str | None, typer.Option("--before", metavar="TIME", help="At most a day later. Default: two hours later.")
    ] = None,
    layer: Annotated[float, typer.Option("--layer", min=0.1, max=1_000, help="Height of each layer, metres.")] = 30.0,
    priority: Annotated[
        str | None, typer.Option("--priority", help="Flights of lower priority count as free. Default: none does.")
    ] = None,
    reference_system: ReferenceSystem = None,
) -> None:
    """Show the times and altitudes at which airspace is free. It does not show whose flights others are, or reserve
    any."""
    session = session_of(context)
    if (place is None) == (volumes is None):
        raise invalid("PLACE_MISSING", "give either a position or --volumes", _ADVICE)
    system = reference_system_value(reference_system)
    if volumes:
        asked = volumes_in(volumes, system)
    else:
        asked = _around(place or "", radius, (lowest, highest), _window(after, before))
        asked.reference_system = system
    chosen = (
        enum_value(assessment_pb2.Priority, priority, "--priority") if priority else assessment_pb2.PRIORITY_UNSPECIFIED
    )
    request = pb.QueryAirspaceRequest(volumes=asked, layer_height_m=layer, priority=chosen)
    with session.output.waiting("looking"):
        response = session.call(lambda client: client.flight_plans.QueryAirspace, request, 20)
    session.output.show(response, lambda: _view(asked, response))


def _window(after: str | None, before: str | None) -> tuple[datetime, datetime]:
    start = parse_time(after, "--after") if after else datetime.now(UTC).replace(microsecond=0)
    return start, parse_time(before, "--before") if before else later(start, WINDOW, "--before")


def _around(
    place: str, radius_m: float, heights_m: tuple[float, float], window: tuple[datetime, datetime]
) -> assessment_pb2.Volumes:
    try:
        latitude, longitude = map(float, place.split(","))
    except ValueError:
        raise invalid("INVALID_PLACE", f"{place!r} is not a latitude and longitude", _ADVICE) from None
    agl = geo_pb2.ALTITUDE_DATUM_AGL
    volume = geo_pb2.Volume4D(
        outline_circle=geo_pb2.Circle(center=geo_pb2.LatLng(latitude=latitude, longitude=longitude), radius_m=radius_m),
        altitude=geo_pb2.AltitudeBand(lower_m=heights_m[0], lower_datum=agl, upper_m=heights_m[1], upper_datum=agl),
    )
    volume.time_start.FromDatetime(window[0])
    volume.time_end.FromDatetime(window[1])
    return assessment_pb2.Volumes(volumes=[volume])


def _view(asked: assessment_pb2.Volumes, response: pb.QueryAirspaceResponse) -> Iterator[RenderableType]:
    for number, (volume, occupancy) in enumerate(zip(asked.volumes, response.occupancies, strict=True), 1):
        window = f"from {show_time(volume.time_start)} to {show_time(volume.time_end)}"
        made = table("altitudes", "free", "busy", title=f"volume {number}, {window}")
        for layer in reversed(occupancy.layers):  # the highest on top, as in the air
            row(made, show_band(layer.altitude), _times(layer.free, volume), _times(layer.busy, volume))
        yield made


def _times(intervals: Iterable[pb.TimeInterval], volume: geo_pb2.Volume4D) -> str:
    """One line per interval; without the date if all are on the same day."""
    first, last = (show_time(moment)[:10] for moment in (volume.time_start, volume.time_end))
    skip = 11 if first == last else 0
    lines = []
    for interval in intervals:
        if interval.start == volume.time_start and interval.end == volume.time_end:
            return "all the time"
        ends = (show_time(moment, seconds=True)[skip:19] for moment in (interval.start, interval.end))
        lines.append(" to ".join(ends))
    return "\n".join(lines)
