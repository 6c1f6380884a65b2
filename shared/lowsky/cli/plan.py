"""`lowsky plan`: ask for a flight, hear the decision, fly, end."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.cli import plan_moves, plan_views, plan_watch
from lowsky.cli.options import Operator, RequestId
from lowsky.cli.requests import Prepared, Wishes, prepare
from lowsky.cli.session import Session, session_of
from lowsky.cli.values import child, enum_value, parse_time
from lowsky.client.calls import DEADLINE_S

app = typer.Typer(help="Flight plans: from the request to the end of the flight.", no_args_is_help=True)

WAIT_S_DEFAULT = 10.0

File = Annotated[
    Path,
    typer.Argument(help="A QGroundControl .plan, or a FlightPlan message in protobuf JSON (.json), as of volumes."),
]
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
    typer.Option("--special", help="drops-articles, dangerous-goods, network-relay, over-crowds, swarm; repeatable."),
]
LostLink = Annotated[str | None, typer.Option("--lost-link", help="What the aircraft does when the link is lost.")]


@app.command()
def submit(
    context: typer.Context,
    file: File,
    aircraft: Aircraft = None,
    operator: Operator = None,
    depart: Depart = None,
    buffer: Buffer = 30.0,
    vertical_buffer: VerticalBuffer = 10.0,
    time_buffer: TimeBuffer = 60.0,
    purpose: Purpose = None,
    mode: Mode = None,
    reference: Reference = None,
    endurance: Endurance = None,
    return_altitude: ReturnAltitude = None,
    special: Special = None,
    lost_link: LostLink = None,
    wait: Annotated[
        float, typer.Option("--wait", min=0, max=60, help="Seconds to wait for the decision that rules make.")
    ] = WAIT_S_DEFAULT,
    request_id: RequestId = "",
) -> None:
    """Ask for a flight. Exit code 0: approved; 8: rejected; 9: under review or not decided yet."""
    session = session_of(context)
    buffers = (buffer, vertical_buffer, time_buffer)
    named = child("aircraft", aircraft, session.operator(operator)) if aircraft else None
    wishes = _wishes(named, depart, buffers, purpose, mode, reference, endurance, return_altitude, special, lost_link)
    prepared = _prepared(session, file, wishes)
    wait = wait if math.isfinite(wait) else WAIT_S_DEFAULT
    with session.output.waiting(f"submitted; waiting up to {wait:g} s for the decision"):
        plan = session.run(
            lambda client: client.submit_flight_plan(
                _parent(prepared.plan),
                prepared.plan,
                request_id=request_id,
                wait_for_decision=timedelta(seconds=wait),
            )
        )
    session.output.show(plan, lambda: plan_views.result(plan))
    raise typer.Exit(plan_views.exit_of_state(plan))


@app.command()
def check(
    context: typer.Context,
    file: File,
    aircraft: Aircraft = None,
    operator: Operator = None,
    depart: Depart = None,
    buffer: Buffer = 30.0,
    vertical_buffer: VerticalBuffer = 10.0,
    time_buffer: TimeBuffer = 60.0,
    purpose: Purpose = None,
    mode: Mode = None,
    reference: Reference = None,
    endurance: Endurance = None,
    return_altitude: ReturnAltitude = None,
    special: Special = None,
    lost_link: LostLink = None,
) -> None:
    """A dry run: what would be found. Exit code 0: nobody's word needed; 8: would be rejected; 9: officers decide."""
    session = session_of(context)
    buffers = (buffer, vertical_buffer, time_buffer)
    named = child("aircraft", aircraft, session.operator(operator)) if aircraft else None
    wishes = _wishes(named, depart, buffers, purpose, mode, reference, endurance, return_altitude, special, lost_link)
    prepared = _prepared(session, file, wishes)
    with session.output.waiting("checking"):
        plan = session.run(
            lambda client: client.submit_flight_plan(
                _parent(prepared.plan), prepared.plan, validate_only=True, timeout_s=2 * DEADLINE_S
            )
        )
    session.output.show(plan, lambda: plan_views.result(plan, dry_run=True))
    raise typer.Exit(plan_views.exit_of_check(plan))


app.command()(plan_watch.watch)
app.command("list")(plan_moves.list_)
app.command()(plan_moves.show)
app.command()(plan_moves.withdraw)
app.command()(plan_moves.activate)
app.command()(plan_moves.end)


def _wishes(
    aircraft: str | None,
    depart: str | None,
    buffers: tuple[float, float, float],
    purpose: str | None,
    mode: str | None,
    reference: str | None,
    endurance: float | None,
    return_altitude: float | None,
    special: list[str] | None,
    lost_link: str | None,
) -> Wishes:
    return Wishes(
        aircraft=aircraft,
        depart=parse_time(depart, "--depart") if depart else None,
        buffer_m=buffers[0],
        vertical_buffer_m=buffers[1],
        time_buffer_s=buffers[2],
        purpose=enum_value(pb.FlightPlan.Purpose, purpose, "--purpose") if purpose else None,
        mode=enum_value(pb.FlightPlan.Mode, mode, "--mode") if mode else None,
        reference=reference,
        endurance_min=endurance,
        return_altitude_m=return_altitude,
        special_activities=tuple(enum_value(pb.SpecialActivity, text, "--special") for text in special or ()),
        lost_link=lost_link,
    )


def _prepared(session: Session, file: Path, wishes: Wishes) -> Prepared:
    prepared = prepare(file, wishes, datetime.now(UTC))
    for remark in prepared.remarks:
        session.output.say(remark)
    return prepared


def _parent(plan: pb.FlightPlan) -> str:
    """operators/{operator} of the aircraft."""
    return plan.aircraft.partition("/aircraft/")[0]
