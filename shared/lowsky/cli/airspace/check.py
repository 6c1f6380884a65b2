"""`lowsky zones check`: the zones that a mission would meet, before a flight is planned."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lowsky.cli.deferred import deferred
from lowsky.cli.exits import Exit
from lowsky.cli.output import facts
from lowsky.cli.plans.options import ReferenceSystem
from lowsky.cli.plans.requests import Wishes, prepare_airspace
from lowsky.cli.session.session import session_of
from lowsky.cli.values import last, parse_time, reference_system_value, show_time

if TYPE_CHECKING:
    from rich.console import RenderableType

    from lowsky.api.airspace.v1 import geozones_pb2 as pb
    from lowsky.api.flightplans.v1 import flight_plans_pb2
    from lowsky.cli.plans import plan_views
else:
    pb = deferred("lowsky.api.airspace.v1.geozones_pb2")
    flight_plans_pb2 = deferred("lowsky.api.flightplans.v1.flight_plans_pb2")
    plan_views = deferred("lowsky.cli.plans.plan_views")


def check(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(help="A QGroundControl .plan, or a FlightPlan message in protobuf JSON (.json), as of volumes."),
    ],
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="As in 2026-11-25T09:00+08:00. Default: in five minutes.")
    ] = None,
    buffer: Annotated[
        float, typer.Option("--buffer", min=1, max=5_000, help="Metres to each side of the legs.")
    ] = 30.0,
    vertical_buffer: Annotated[
        float, typer.Option("--vertical-buffer", min=0, max=1_000, help="Metres up and down.")
    ] = 10.0,
    time_buffer: Annotated[
        float, typer.Option("--time-buffer", min=0, max=3_600, help="Seconds before and after.")
    ] = 60.0,
    return_altitude: Annotated[
        float | None, typer.Option("--return-altitude", min=1, help="Metres above take-off at which it returns.")
    ] = None,
    reference_system: ReferenceSystem = None,
) -> None:
    """List the zones that a mission meets. Exit code 0: none blocks; 8: one prohibits; 9: an approval is needed."""
    session = session_of(context)
    wishes = Wishes.of_airspace(
        parse_time(at, "--at") if at else None,
        buffer_m=buffer,
        vertical_buffer_m=vertical_buffer,
        time_buffer_s=time_buffer,
        return_altitude_m=return_altitude,
        reference_system=reference_system_value(reference_system),
    )
    prepared = prepare_airspace(file, wishes, datetime.now(UTC))
    for remark in prepared.remarks:
        session.output.say(remark)
    plan = prepared.plan
    flown = plan.WhichOneof("airspace") == "trajectory"
    with session.output.waiting("checking"):
        response = session.run(lambda client: client.check_airspace(plan.trajectory if flown else plan.volumes))
    # Formatted like the findings of a plan.
    found = flight_plans_pb2.FlightPlan(findings=response.findings)
    if flown:
        found.trajectory.SetInParent()
    session.output.show(response, lambda: _view(response, found))
    raise typer.Exit(plan_views.exit_of_check(found))


_HEADLINES = {
    Exit.PLAN_REJECTED: ("PROHIBITED: a flight plan would be rejected", "bold red"),
    Exit.PLAN_UNDECIDED: ("APPROVAL NEEDED: a flight plan would be put under review", "bold yellow"),
    Exit.OK: ("NOTHING BLOCKS: no zone requires an approval", "bold green"),
}


def _view(response: pb.CheckAirspaceResponse, found: flight_plans_pb2.FlightPlan) -> Iterator[RenderableType]:
    from rich.text import Text

    yield Text(*_HEADLINES[plan_views.exit_of_check(found)])
    deciding = dict.fromkeys(last(name) for one in response.findings for name in one.deciding_authorities)
    notified = dict.fromkeys(last(name) for one in response.findings for name in one.notified_authorities)
    yield facts(
        time=" to ".join(filter(None, (show_time(response.time_start), show_time(response.time_end)))),
        zones=str(len(response.findings)),
        decided_by=", ".join(deciding),
        told=", ".join(name for name in notified if name not in deciding),
        airspace=f"revision {response.airspace_revision}",
    )
    yield from plan_views.findings(found)
