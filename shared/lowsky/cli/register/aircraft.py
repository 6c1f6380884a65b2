"""`lowsky aircraft`: one airframe each, identified by a serial number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lowsky.cli.deferred import deferred
from lowsky.cli.exits import Exit
from lowsky.cli.options import LIMIT_DEFAULT, Etag, Limit, Operator, RequestId
from lowsky.cli.output import facts, row, table
from lowsky.cli.problems import Problem, invalid
from lowsky.cli.register.identifiers import CTA_2063_A, Identifiers, identifiers_of, shown
from lowsky.cli.session.session import Session, session_of
from lowsky.cli.values import child, enum_name, enum_value, last, show_time

if TYPE_CHECKING:
    from google.protobuf import field_mask_pb2
    from rich.console import RenderableType

    from lowsky.api.registration.v1 import aircraft_pb2 as pb
    from lowsky.api.registration.v1 import identifiers_pb2
else:
    identifiers_pb2 = deferred("lowsky.api.registration.v1.identifiers_pb2")
    field_mask_pb2 = deferred("google.protobuf.field_mask_pb2")
    pb = deferred("lowsky.api.registration.v1.aircraft_pb2")


app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(help="operators/acme/aircraft/d1, or d1 with --operator.")]
MaxHeight = Annotated[float | None, typer.Option("--max-height", help="Metres; omit it if the aircraft has no limit.")]
EuClass = Annotated[str | None, typer.Option("--eu-class", help="c0 to c6.")]
Removed = Annotated[
    list[str] | None,
    typer.Option("--remove-identifier", metavar="SCHEME", help="Only marks can be removed, not airframe numbers."),
]


@app.command()
def register(
    context: typer.Context,
    manufacturer: Annotated[str, typer.Option("--manufacturer")],
    model: Annotated[str, typer.Option("--model")],
    empty_mass: Annotated[float, typer.Option("--empty-mass", help="Kilograms, with battery, without payload.")],
    max_takeoff_mass: Annotated[float, typer.Option("--max-takeoff-mass", help="Kilograms.")],
    max_speed: Annotated[float, typer.Option("--max-speed", help="Metres a second.")],
    operator: Operator = None,
    aircraft_id: Annotated[str, typer.Option("--id", help="Last part of the name. Default: generated.")] = "",
    max_height: MaxHeight = None,
    eu_class: EuClass = None,
    serial: Annotated[str, typer.Option("--serial", help=f"The same as --identifier {CTA_2063_A}:…")] = "",
    identifier: Identifiers = None,
    request_id: RequestId = "",
) -> None:
    """Register an airframe: with --serial, or with an --identifier that identifies it."""
    session = session_of(context)
    parent = session.require_operator(operator)
    aircraft = pb.Aircraft(
        identifiers=[*_serial(serial), *identifiers_of(identifier)],
        manufacturer=manufacturer,
        model=model,
        empty_mass_kg=empty_mass,
        max_takeoff_mass_kg=max_takeoff_mass,
        max_speed_mps=max_speed,
        max_height_m=max_height,
        eu_class=_eu_class(eu_class),
    )
    request = pb.RegisterAircraftRequest(
        request_id=request_id, parent=parent, aircraft_id=aircraft_id, aircraft=aircraft
    )
    _show(session, session.call(lambda client: client.aircraft.RegisterAircraft, request).aircraft)


@app.command("get", hidden=True)  # its earlier name
@app.command()
def show(context: typer.Context, name: Name, operator: Operator = None) -> None:
    """Show one aircraft."""
    session = session_of(context)
    _show(session, _get(session, child("aircraft", name, session.operator(operator))))


@app.command("list")
def list_(context: typer.Context, operator: Operator = None, limit: Limit = LIMIT_DEFAULT) -> None:
    """The aircraft of an operator."""
    session = session_of(context)
    request = pb.ListAircraftRequest(parent=session.require_operator(operator))
    found = session.listing(lambda client: client.aircraft.ListAircraft, request, "aircraft", limit)

    def view() -> Iterator[RenderableType]:
        made = table("aircraft", "state", "category", "model", "identifiers", whole=("aircraft",))
        for one in found.aircraft:
            state, category = enum_name(pb.Aircraft.State, one.state), enum_name(pb.Aircraft.Category, one.category)
            row(made, last(one.name), state, category, f"{one.manufacturer} {one.model}", shown(one.identifiers))
        yield made

    session.output.show(found, view)


@app.command()
def update(
    context: typer.Context,
    name: Name,
    operator: Operator = None,
    manufacturer: Annotated[str | None, typer.Option("--manufacturer")] = None,
    model: Annotated[str | None, typer.Option("--model")] = None,
    empty_mass: Annotated[float | None, typer.Option("--empty-mass", help="Kilograms.")] = None,
    max_takeoff_mass: Annotated[float | None, typer.Option("--max-takeoff-mass", help="Kilograms.")] = None,
    max_speed: Annotated[float | None, typer.Option("--max-speed", help="Metres a second.")] = None,
    max_height: MaxHeight = None,
    eu_class: EuClass = None,
    identifier: Identifiers = None,
    remove_identifier: Removed = None,
    etag: Etag = "",
    request_id: RequestId = "",
) -> None:
    """Change the given fields; others stay."""
    given: dict[str, Any] = {
        "manufacturer": manufacturer,
        "model": model,
        "empty_mass_kg": empty_mass,
        "max_takeoff_mass_kg": max_takeoff_mass,
        "max_speed_mps": max_speed,
        "max_height_m": max_height,
        "eu_class": None if eu_class is None else _eu_class(eu_class),
    }
    changes = {path: value for path, value in given.items() if value is not None}
    if not (changes or identifier or remove_identifier):
        raise Problem("NOTHING_TO_CHANGE", "no option says what to change", Exit.USAGE, "see --help")
    session = session_of(context)
    whole = child("aircraft", name, session.operator(operator))
    if identifier or remove_identifier:
        now = _get(session, whole)
        changes["identifiers"] = _changed(now.identifiers, identifiers_of(identifier), remove_identifier or [])
        etag = etag or now.etag  # what others added meanwhile would be removed
    aircraft = pb.Aircraft(name=whole, etag=etag, **changes)
    request = pb.UpdateAircraftRequest(
        request_id=request_id, aircraft=aircraft, update_mask=field_mask_pb2.FieldMask(paths=list(changes))
    )
    _show(session, session.call(lambda client: client.aircraft.UpdateAircraft, request).aircraft)


@app.command()
def retire(
    context: typer.Context, name: Name, operator: Operator = None, etag: Etag = "", request_id: RequestId = ""
) -> None:
    """Take an aircraft out of service permanently."""
    session = session_of(context)
    whole = child("aircraft", name, session.operator(operator))
    request = pb.RetireAircraftRequest(request_id=request_id, name=whole, etag=etag)
    _show(session, session.call(lambda client: client.aircraft.RetireAircraft, request).aircraft)


def _get(session: Session, name: str) -> pb.Aircraft:
    request = pb.GetAircraftRequest(name=name)
    return session.call(lambda client: client.aircraft.GetAircraft, request).aircraft


def _serial(text: str) -> list[identifiers_pb2.Identifier]:
    return [identifiers_pb2.Identifier(scheme=CTA_2063_A, value=text)] if text else []


def _changed(
    now: Iterable[identifiers_pb2.Identifier], added: Sequence[identifiers_pb2.Identifier], removed: Sequence[str]
) -> list[identifiers_pb2.Identifier]:
    """The current identifiers, with some added or replaced and some removed."""
    by_scheme = {one.scheme: one for one in now}
    if unknown := [scheme for scheme in removed if scheme not in by_scheme]:
        raise invalid("INVALID_IDENTIFIER", f"the aircraft has no {unknown[0]}", "see `lowsky aircraft show`")
    kept = [one for scheme, one in by_scheme.items() if scheme not in {*removed, *(new.scheme for new in added)}]
    return [*kept, *added]


def _eu_class(text: str | None) -> pb.Aircraft.EuClass.ValueType:
    if text is None:
        return pb.Aircraft.EU_CLASS_UNSPECIFIED
    value: pb.Aircraft.EuClass.ValueType = enum_value(pb.Aircraft.EuClass, text, "--eu-class")
    return value


def _show(session: Session, one: pb.Aircraft) -> None:
    def view() -> Iterator[RenderableType]:
        yield facts(
            name=one.name,
            state=enum_name(pb.Aircraft.State, one.state),
            model=f"{one.manufacturer} {one.model}",
            identifiers=shown(one.identifiers),
            category=enum_name(pb.Aircraft.Category, one.category),
            eu_class=enum_name(pb.Aircraft.EuClass, one.eu_class) if one.eu_class else "",
            mass=f"{one.empty_mass_kg:g} kg empty, {one.max_takeoff_mass_kg:g} kg at most",
            speed=f"{one.max_speed_mps:g} m/s at most",
            height=f"{one.max_height_m:g} m at most" if one.HasField("max_height_m") else "",
            changed=show_time(one.update_time),
            etag=one.etag,
        )

    session.output.show(one, view)
