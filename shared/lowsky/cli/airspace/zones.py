"""`lowsky zones`: imports geozone files, and shows geozones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lowsky.cli.airspace import check, restrictions
from lowsky.cli.deferred import deferred
from lowsky.cli.exits import Exit
from lowsky.cli.options import LIMIT_DEFAULT, Limit, RequestId
from lowsky.cli.output import row, table
from lowsky.cli.problems import invalid, of_api_error
from lowsky.cli.session.session import session_of
from lowsky.cli.values import (
    REFERENCE_SYSTEMS,
    enum_name,
    enum_value,
    last,
    reference_system_value,
    resource,
    show_time,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

    from lowsky import client as sdk
    from lowsky.api.airspace.v1 import geozones_pb2 as pb
    from lowsky.api.geo.v1 import geo_pb2
    from lowsky.cli.airspace import zone_map, zone_page, zone_views
else:
    sdk = deferred("lowsky.client")
    pb = deferred("lowsky.api.airspace.v1.geozones_pb2")
    geo_pb2 = deferred("lowsky.api.geo.v1.geo_pb2")
    zone_map = deferred("lowsky.cli.airspace.zone_map")
    zone_page = deferred("lowsky.cli.airspace.zone_page")
    zone_views = deferred("lowsky.cli.airspace.zone_views")


app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.command()(restrictions.restrict)
app.command()(restrictions.lift)


ROLLBACK_TIMEOUT_S = 120.0
"""A dataset of a large country is compared in some seconds, and waits for imports in progress."""


Confirm = Annotated[
    str,
    typer.Option(
        "--confirm", metavar="DIGEST", help="Digest of the difference, shown by --dry-run: needed if much is removed."
    ),
]


@app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="ED-269 or ED-318, as published; others with --format.")],
    dataset: Annotated[str, typer.Option("--dataset", help="The dataset to replace, as in at-austrocontrol.")],
    authority: Annotated[str, typer.Option("--authority", help="The authority responsible for the dataset.")],
    title: Annotated[str, typer.Option("--title")] = "",
    authority_name: Annotated[
        list[str] | None,
        typer.Option("--authority-name", metavar="PUBLISHED=NAME", help='As in "LFPG=authorities/y"; repeatable.'),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Report only: nothing is changed.")] = False,
    on_error: Annotated[
        str,
        typer.Option(
            "--on-error", metavar="reject|accept-valid", help="If zones are refused: refuse all, or import the others."
        ),
    ] = "reject",
    form: Annotated[
        str | None,
        typer.Option("--format", metavar="geojson|kml", help="Of a file in no dialect, or KMZ; needs --mapping."),
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option("--mapping", metavar="FILE", help="TOML: the meaning of its properties; see README."),
    ] = None,
    reference_system: Annotated[
        str | None,
        typer.Option(
            "--reference-system",
            metavar=REFERENCE_SYSTEMS,
            help="Reference system of its coordinates. Default: the one that it states, else wgs-84.",
        ),
    ] = None,
    time_zone: Annotated[
        str, typer.Option("--time-zone", metavar="Europe/Berlin", help="For times in the file without a time zone.")
    ] = "",
    terrain: Annotated[
        tuple[float, float] | None,
        typer.Option("--terrain", metavar="MIN MAX", help="Metres above sea level of the ground below all its zones."),
    ] = None,
    confirm: Confirm = "",
) -> None:
    """Replace a dataset by a zone file; every zone that was repaired or refused is named."""
    session = session_of(context)
    names = dict(_named(text) for text in authority_name or ())
    failing = enum_value(pb.OnError, on_error, "--on-error")
    system = reference_system_value(reference_system)
    if (form is None) is not (mapping is None):
        raise invalid("INVALID_CHOICE", "--format and --mapping go together", "ED-269 and ED-318 need neither")
    written = enum_value(pb.ZoneFileFormat, form, "--format") if form else pb.ZONE_FILE_FORMAT_UNSPECIFIED
    meaning = sdk.read_mapping(mapping) if mapping else None
    whole, answering = resource("datasets", dataset), resource("authorities", authority)
    with session.output.transfer(f"sending {file.name}") as progress:
        try:
            response = session.run(
                lambda client: client.import_geozones(
                    file,
                    dataset=whole,
                    authority=answering,
                    title=title,
                    authority_names=names,
                    validate_only=dry_run,
                    on_error=failing,
                    reference_system=system,
                    time_zone=time_zone,
                    terrain_m=terrain,
                    confirm_difference=confirm,
                    form=written,
                    mapping=meaning,
                    on_progress=progress,
                )
            )
        except sdk.LowskyApiError as error:
            report = error.detail(pb.ImportReport)
            if report is None:
                raise
            refused: sdk.LowskyApiError | None = error
            response = pb.ImportGeozonesResponse(report=report)
        else:
            refused = None
    session.output.show(response, lambda: zone_views.import_report(response, dry_run=dry_run))
    if refused is not None:
        session.output.problem(of_api_error(refused))
        raise typer.Exit(Exit.CONFLICT)


@app.command()
def rollback(
    context: typer.Context,
    dataset: Annotated[str, typer.Argument(help="at-austrocontrol or datasets/…")],
    version: Annotated[int, typer.Option("--version", min=1, help="The version to restore; the last 20 are kept.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the difference only: nothing is changed.")] = False,
    confirm: Confirm = "",
    request_id: RequestId = "",
) -> None:
    """Restore the zones of an earlier version, as a new version; shows what that changes."""
    session = session_of(context)
    request = pb.RollbackDatasetRequest(
        request_id=request_id,
        dataset=resource("datasets", dataset),
        version=version,
        validate_only=dry_run,
        confirm_difference=confirm,
    )
    response = session.call(lambda client: client.geozones.RollbackDataset, request, timeout_s=ROLLBACK_TIMEOUT_S)
    session.output.show(response, lambda: zone_views.rollback(response, dry_run=dry_run))


@app.command("list")
def list_(
    context: typer.Context,
    dataset: Annotated[str | None, typer.Option("--dataset", help="Only this dataset.")] = None,
    area: Annotated[
        str | None,
        typer.Option("--area", metavar="W,S,E,N", help="Only zones that touch it; degrees, as in 16,48,17,49"),
    ] = None,
    limit: Limit = LIMIT_DEFAULT,
) -> None:
    """Geozones of a dataset, or those that touch an area."""
    session = session_of(context)
    request = pb.ListGeozonesRequest(dataset=resource("datasets", dataset) if dataset else "")
    if area:
        request.area.CopyFrom(_area(area))
    found = session.listing(lambda client: client.geozones.ListGeozones, request, "geozones", limit)

    def view() -> Iterator[RenderableType]:
        made = table("geozone", "restriction", "altitudes", "called")
        for zone in found.geozones:
            restriction = enum_name(pb.Restriction, zone.restriction)
            row(made, last(zone.name), restriction, zone_views.altitudes(zone), zone_views.title(zone))
        yield made

    session.output.show(found, view)


@app.command()
def datasets(context: typer.Context, limit: Limit = LIMIT_DEFAULT) -> None:
    """The datasets in force, with their versions."""
    session = session_of(context)
    found = session.listing(lambda client: client.geozones.ListDatasets, pb.ListDatasetsRequest(), "datasets", limit)

    def view() -> Iterator[RenderableType]:
        made = table("dataset", "version", "zones", "imported", "authority", "called")
        for one in found.datasets:
            numbers = (str(one.version), str(one.geozone_count), show_time(one.import_time))
            row(made, last(one.name), *numbers, last(one.authority), one.title)
        yield made

    session.output.show(found, view)


@app.command()
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="at-austrocontrol.LOWW1 or geozones/…")],
    published: Annotated[bool, typer.Option("--published", help="Also as the file had it.")] = False,
    geojson: Annotated[
        Path | None, typer.Option("--geojson", metavar="FILE", help="Writes its layers there, for any map.")
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option("--map", metavar="FILE", help="Writes a page with its outline there (.html), for any browser."),
    ] = None,
) -> None:
    """Show one geozone as it is applied, and what the import changed in it."""
    session = session_of(context)
    request = pb.GetGeozoneRequest(name=resource("geozones", name))
    zone = session.call(lambda client: client.geozones.GetGeozone, request).geozone
    if geojson is not None:
        zone_map.write_geojson(zone, geojson)
    if page is not None:
        zone_page.write_page(zone, page)
    written = [file for file in (page, geojson) if file is not None]
    session.output.show(zone, lambda: zone_views.geozone(zone, published=published, written=written))


app.command()(check.check)


def _named(text: str) -> tuple[str, str]:
    published, equals, name = text.partition("=")
    if not published or not equals:
        raise invalid("INVALID_CHOICE", f"--authority-name {text!r}", 'write it as "LFPG=authorities/y"')
    return published, resource("authorities", name)


def _area(text: str) -> geo_pb2.BoundingBox:
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise invalid("INVALID_CHOICE", f"--area {text!r}", "write it as west,south,east,north: 16,48,17,49") from None
    return geo_pb2.BoundingBox(
        south_west=geo_pb2.LatLng(latitude=south, longitude=west),
        north_east=geo_pb2.LatLng(latitude=north, longitude=east),
    )
