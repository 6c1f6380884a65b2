"""`lowsky authorities`: the authorities that decide on approvals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lowsky.cli.airspace.area_files import area_in
from lowsky.cli.deferred import deferred
from lowsky.cli.exits import Exit
from lowsky.cli.options import LIMIT_DEFAULT, Etag, Limit, RequestId
from lowsky.cli.output import facts, row, table
from lowsky.cli.problems import Problem, invalid
from lowsky.cli.session.session import Session, session_of
from lowsky.cli.values import last, resource, show_time

if TYPE_CHECKING:
    from google.protobuf import field_mask_pb2
    from rich.console import RenderableType

    from lowsky.api.airspace.v1 import authorities_pb2 as pb
else:
    field_mask_pb2 = deferred("google.protobuf.field_mask_pb2")
    pb = deferred("lowsky.api.airspace.v1.authorities_pb2")


app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(help="caac-east or authorities/…")]
FilingHorizon = Annotated[
    int | None,
    typer.Option(
        "--filing-horizon", metavar="DAYS", min=1, max=90, help="How far ahead it accepts plans. Default: 30."
    ),
]


@app.command()
def create(
    context: typer.Context,
    authority_id: Annotated[str, typer.Argument(metavar="ID", help="Last part of the name.")],
    display_name: Annotated[str, typer.Option("--display-name")],
    country: Annotated[str, typer.Option("--country", help="ISO 3166-1 alpha-3, as in CHN.")],
    time_zone: Annotated[str, typer.Option("--time-zone", help="IANA zone of its civil time, as in Asia/Shanghai.")],
    email: Annotated[str, typer.Option("--email")] = "",
    phone: Annotated[str, typer.Option("--phone")] = "",
    filing_horizon: FilingHorizon = None,
    request_id: RequestId = "",
) -> None:
    """Register an authority."""
    session = session_of(context)
    authority = pb.Authority(
        display_name=display_name,
        country=country.upper(),
        time_zone=time_zone,
        email=email,
        phone=phone,
        filing_horizon_days=filing_horizon or 0,
    )
    request = pb.CreateAuthorityRequest(
        request_id=request_id, authority_id=last(resource("authorities", authority_id)), authority=authority
    )
    _show(session, session.call(lambda client: client.authorities.CreateAuthority, request).authority)


@app.command()
def update(
    context: typer.Context,
    name: Name,
    display_name: Annotated[str | None, typer.Option("--display-name")] = None,
    time_zone: Annotated[str | None, typer.Option("--time-zone", help="As in Asia/Shanghai.")] = None,
    email: Annotated[str | None, typer.Option("--email")] = None,
    phone: Annotated[str | None, typer.Option("--phone")] = None,
    filing_horizon: FilingHorizon = None,
    etag: Etag = "",
    request_id: RequestId = "",
) -> None:
    """Change the given fields; others stay."""
    given = {
        "display_name": display_name,
        "time_zone": time_zone,
        "email": email,
        "phone": phone,
        "filing_horizon_days": filing_horizon,
    }
    changes = {field: value for field, value in given.items() if value is not None}
    if not changes:
        raise Problem("NOTHING_TO_CHANGE", "no option says what to change", Exit.USAGE, "see --help")
    session = session_of(context)
    request = pb.UpdateAuthorityRequest(
        request_id=request_id,
        authority=pb.Authority(name=resource("authorities", name), etag=etag, **changes),  # type: ignore[arg-type]  # by name
        update_mask=field_mask_pb2.FieldMask(paths=list(changes)),
    )
    _show(session, session.call(lambda client: client.authorities.UpdateAuthority, request).authority)


@app.command()
def area(
    context: typer.Context,
    name: Name,
    file: Annotated[Path, typer.Argument(help="GeoJSON with Polygons or MultiPolygons.")],
    open_below: Annotated[
        float | None,
        typer.Option("--open-below", help="Metres above ground: from there on a flight needs its approval.", min=0),
    ] = None,
    authorization_required: Annotated[
        bool, typer.Option("--authorization-required", help="Every flight needs its approval.")
    ] = False,
    etag: Etag = "",
    request_id: RequestId = "",
) -> None:
    """Set the area where an authority decides and may restrict flights; replaces its previous area.

    Without a default rule only published zones apply there. With one, flights in zones without restriction need no
    approval. As soon as one authority has an area, flights outside all areas are rejected.
    """
    session = session_of(context)
    authority = pb.Authority(name=resource("authorities", name), etag=etag, area=area_in(file))
    if authorization_required and open_below is not None:
        raise invalid("INVALID_CHOICE", "--open-below and --authorization-required", "give one of the two")
    if authorization_required:
        authority.area.default_rule.authorization_required = True
    elif open_below is not None:
        authority.area.default_rule.open_below_m = open_below
    request = pb.UpdateAuthorityRequest(
        request_id=request_id, authority=authority, update_mask=field_mask_pb2.FieldMask(paths=["area"])
    )
    _show(session, session.call(lambda client: client.authorities.UpdateAuthority, request).authority)


@app.command("list")
def list_(context: typer.Context, limit: Limit = LIMIT_DEFAULT) -> None:
    """All authorities."""
    session = session_of(context)
    found = session.listing(
        lambda client: client.authorities.ListAuthorities, pb.ListAuthoritiesRequest(), "authorities", limit
    )

    def view() -> Iterator[RenderableType]:
        made = table("authority", "called", "country", "time zone")
        for one in found.authorities:
            row(made, last(one.name), one.display_name, one.country, one.time_zone)
        yield made

    session.output.show(found, view)


@app.command()
def show(context: typer.Context, name: Name) -> None:
    """One authority."""
    session = session_of(context)
    request = pb.GetAuthorityRequest(name=resource("authorities", name))
    _show(session, session.call(lambda client: client.authorities.GetAuthority, request).authority)


def _default(stated: pb.Area) -> str:
    match stated.default_rule.WhichOneof("rule"):
        case "open_below_m":
            return f"open below {stated.default_rule.open_below_m:g} m above ground"
        case "authorization_required":
            return "every flight needs its approval"
    return "open except in zones" if stated.polygons else ""


def _show(session: Session, one: pb.Authority) -> None:
    def view() -> Iterator[RenderableType]:
        yield facts(
            name=one.name,
            called=one.display_name,
            country=one.country,
            time_zone=one.time_zone,
            email=one.email,
            phone=one.phone,
            area=f"{len(one.area.polygons)} polygons" if one.HasField("area") else "",
            default=_default(one.area),
            takes_plans=f"{one.filing_horizon_days or 30} days ahead",
            changed=show_time(one.update_time),
            etag=one.etag,
        )

    session.output.show(one, view)
