"""Options of `lowsky plan` for what is flown, when, and how urgently, shared by its commands."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lowsky.cli.deferred import deferred
from lowsky.cli.options import Operator
from lowsky.cli.plans.requests import Wishes
from lowsky.cli.session.session import session_of
from lowsky.cli.values import REFERENCE_SYSTEMS, child, enum_value, parse_time, reference_system_value

if TYPE_CHECKING:
    from lowsky import client
    from lowsky.api.assessment.v1 import assessment_pb2
    from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
else:
    client = deferred("lowsky.client")
    assessment_pb2 = deferred("lowsky.api.assessment.v1.assessment_pb2")
    pb = deferred("lowsky.api.flightplans.v1.flight_plans_pb2")


Aircraft = Annotated[
    str | None, typer.Option("--aircraft", metavar="NAME", help="operators/acme/aircraft/d1, or d1 with --operator.")
]
Depart = Annotated[
    str | None, typer.Option("--depart", metavar="TIME", help="As in 2026-11-25T09:00+08:00. Default: in five minutes.")
]
Buffer = Annotated[float, typer.Option("--buffer", min=1, max=5_000, help="Metres to each side of the legs.")]
VerticalBuffer = Annotated[float, typer.Option("--vertical-buffer", min=0, max=1_000, help="Metres up and down.")]
TimeBuffer = Annotated[float, typer.Option("--time-buffer", min=0, max=3_600, help="Seconds before and after.")]
Purpose = Annotated[
    str | None, typer.Option("--purpose", help="delivery (default), inspection, survey, medical, training, …")
]
Mode = Annotated[str | None, typer.Option("--mode", help="bvlos (default) or vlos.")]
Commercial = Annotated[
    bool | None,
    typer.Option(
        "--commercial/--non-commercial",
        help="Whether it is flown for payment or hire, which may need insurance. Default: commercial.",
        show_default=False,
    ),
]
Profile = Annotated[
    Path | None,
    typer.Option(
        "--profile",
        metavar="FILE",
        envvar="LOWSKY_PROFILE",
        help="TOML: the fields that your flights have in common (links, procedures, …); see README.",
    ),
]
Priority = Annotated[
    str | None,
    typer.Option(
        "--priority",
        help="public-service, medical, emergency or state, as the operator is entitled. Default: none.",
    ),
]
Reference = Annotated[str | None, typer.Option("--reference", help="Your own, free text.")]
Endurance = Annotated[
    float | None, typer.Option("--endurance", min=1, max=14_400, help="Minutes that the aircraft can stay in the air.")
]
ReturnAltitude = Annotated[
    float | None,
    typer.Option("--return-altitude", min=1, help="Metres above take-off at which the aircraft returns, as it is set."),
]
Special = Annotated[
    list[str] | None,
    typer.Option(
        "--special",
        help="drops-articles, dangerous-goods, network-relay, over-crowds, swarm, moving-control-station, "
        "distributed-operation; repeatable.",
    ),
]
LostLink = Annotated[str | None, typer.Option("--lost-link", help="What the aircraft does when the link is lost.")]
ReferenceSystem = Annotated[
    str | None,
    typer.Option(
        "--reference-system",
        metavar=REFERENCE_SYSTEMS,
        help="Reference system of the file's coordinates. Default: the one that it states, else wgs-84.",
    ),
]

Suggest = Annotated[
    bool,
    typer.Option("--suggest", help="In case of conflicts with other flights: suggest a time or an altitude."),
]
Supersedes = Annotated[
    str | None,
    typer.Option("--supersedes", metavar="PLAN", help="A plan of the same operator that this one replaces."),
]


def wishes_of(
    context: typer.Context,
    aircraft: Aircraft = None,
    operator: Operator = None,
    depart: Depart = None,
    buffer: Buffer = 30.0,
    vertical_buffer: VerticalBuffer = 10.0,
    time_buffer: TimeBuffer = 60.0,
    purpose: Purpose = None,
    mode: Mode = None,
    commercial: Commercial = None,
    priority: Priority = None,
    reference: Reference = None,
    endurance: Endurance = None,
    return_altitude: ReturnAltitude = None,
    special: Special = None,
    lost_link: LostLink = None,
    profile: Profile = None,
    reference_system: ReferenceSystem = None,
) -> Wishes:
    """Converts the options to Wishes."""
    return Wishes(
        aircraft=child("aircraft", aircraft, session_of(context).operator(operator)) if aircraft else None,
        depart=parse_time(depart, "--depart") if depart else None,
        buffer_m=buffer,
        vertical_buffer_m=vertical_buffer,
        time_buffer_s=time_buffer,
        purpose=enum_value(pb.FlightPlan.Purpose, purpose, "--purpose") if purpose else None,
        mode=enum_value(pb.FlightPlan.Mode, mode, "--mode") if mode else None,
        commercial=commercial,
        priority=enum_value(assessment_pb2.Priority, priority, "--priority") if priority else None,
        reference=reference,
        endurance_min=endurance,
        return_altitude_m=return_altitude,
        special_activities=tuple(enum_value(pb.SpecialActivity, text, "--special") for text in special or ()),
        lost_link=lost_link,
        profile=client.read_profile(profile) if profile else None,
        reference_system=reference_system_value(reference_system),
    )


def with_wishes(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the options of `wishes_of` to a command, which gets the result as its parameter `wishes`."""
    own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.name != "wishes"]
    options = [p for p in inspect.signature(wishes_of, eval_str=True).parameters.values() if p.name != "context"]

    @functools.wraps(command)
    def run(**given: object) -> None:
        asked = {option.name: given.pop(option.name) for option in options}
        command(wishes=wishes_of(given["context"], **asked), **given)  # type: ignore[arg-type]  # as typer parsed them

    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*own, *options)]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    return run


def for_gaps(plan: pb.FlightPlan, wishes: Wishes) -> Wishes:
    """The options without those that the message answers itself."""
    departs = plan.WhichOneof("airspace") == "trajectory" and plan.trajectory.HasField("departure_time")
    return dataclasses.replace(
        wishes,
        aircraft=None if plan.aircraft else wishes.aircraft,
        depart=None if departs else wishes.depart,
        purpose=None if plan.purpose else wishes.purpose,
        mode=None if plan.mode else wishes.mode,
        commercial=None if plan.HasField("commercial") else wishes.commercial,
        priority=None if plan.priority else wishes.priority,
        reference=None if plan.reference else wishes.reference,
        endurance_min=None if plan.HasField("endurance") else wishes.endurance_min,
        special_activities=() if plan.special_activities else wishes.special_activities,
        lost_link=None if plan.lost_link_procedure else wishes.lost_link,
    )
