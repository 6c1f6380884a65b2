"""`lowsky zones restrict` and `lowsky zones lift`: an officer's temporary restrictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lowsky.cli.deferred import deferred
from lowsky.cli.options import RequestId
from lowsky.cli.problems import invalid
from lowsky.cli.session.session import session_of
from lowsky.cli.values import enum_value, resource, timestamp

if TYPE_CHECKING:
    from lowsky.api.airspace.v1 import geozones_pb2 as pb
    from lowsky.api.geo.v1 import geo_pb2
    from lowsky.cli.airspace import zone_views
else:
    pb = deferred("lowsky.api.airspace.v1.geozones_pb2")
    geo_pb2 = deferred("lowsky.api.geo.v1.geo_pb2")
    zone_views = deferred("lowsky.cli.airspace.zone_views")


def restrict(
    context: typer.Context,
    authority: Annotated[str, typer.Option("--authority", help="The authority that restricts, within its area.")],
    title: Annotated[str, typer.Option("--title")],
    reason: Annotated[str, typer.Option("--reason", help="Shown to operators.")],
    start: Annotated[str, typer.Option("--from", help="With its offset, as in 2026-11-25T09:00+08:00.")],
    end: Annotated[str, typer.Option("--until", help="At most 90 days after the start.")],
    upper_m: Annotated[float, typer.Option("--upper", help="Ceiling in metres; itself outside.")],
    lower_m: Annotated[float, typer.Option("--lower", help="Floor in metres; itself inside.")] = 0.0,
    datum: Annotated[str, typer.Option("--datum", help="agl, amsl or wgs84, of both.")] = "agl",
    circle: Annotated[str | None, typer.Option("--circle", metavar="LON,LAT,METRES")] = None,
    polygon: Annotated[
        str | None, typer.Option("--polygon", metavar='"LON,LAT LON,LAT …"', help="Three corners or more.")
    ] = None,
    kind: Annotated[str, typer.Option("--kind", help="prohibited or req-authorization.")] = "prohibited",
    notify: Annotated[list[str] | None, typer.Option("--notify", help="Another authority; repeatable.")] = None,
    request_id: RequestId = "",
) -> None:
    """Create a temporary restriction."""
    session = session_of(context)
    measured = enum_value(geo_pb2.AltitudeDatum, datum, "--datum")
    volume = geo_pb2.Volume4D(
        altitude=geo_pb2.AltitudeBand(lower_m=lower_m, lower_datum=measured, upper_m=upper_m, upper_datum=measured),
        time_start=timestamp(start, "--from"),
        time_end=timestamp(end, "--until"),
    )
    _draw(volume, circle, polygon)
    request = pb.CreateRestrictionRequest(
        request_id=request_id,
        authority=resource("authorities", authority),
        restriction=enum_value(pb.Restriction, kind, "--kind"),
        volume=volume,
        title=title,
        reason=reason,
        notified_authorities=[resource("authorities", name) for name in notify or ()],
    )
    zone = session.call(lambda client: client.geozones.CreateRestriction, request).geozone
    session.output.show(zone, lambda: zone_views.geozone(zone, published=False))


def lift(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="restrictions-caac-east.… or geozones/…")],
    request_id: RequestId = "",
) -> None:
    """End a restriction early."""
    session = session_of(context)
    request = pb.LiftRestrictionRequest(request_id=request_id, name=resource("geozones", name))
    zone = session.call(lambda client: client.geozones.LiftRestriction, request).geozone
    session.output.show(zone, lambda: zone_views.geozone(zone, published=False))


def _draw(volume: geo_pb2.Volume4D, circle: str | None, polygon: str | None) -> None:
    if (circle is None) == (polygon is None):
        raise invalid("INVALID_CHOICE", "--circle and --polygon", "give one of the two")
    if circle is not None:
        longitude, latitude, radius_m = _numbers(circle, 3, "--circle", "16.37,48.21,500")
        volume.outline_circle.center.CopyFrom(geo_pb2.LatLng(latitude=latitude, longitude=longitude))
        volume.outline_circle.radius_m = radius_m
    for corner in (polygon or "").split():
        longitude, latitude = _numbers(corner, 2, "--polygon", '"16.3,48.2 16.4,48.2 16.4,48.3"')
        volume.outline_polygon.vertices.add(latitude=latitude, longitude=longitude)


def _numbers(text: str, count: int, option: str, example: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count:
        raise invalid("INVALID_CHOICE", f"{option} {text!r}", f"write it as {example}")
    return numbers
