"""`lowsky plan`: submit a flight plan, wait for the decision, fly, end."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lowsky.cli.deferred import deferred
from lowsky.cli.options import RequestId
from lowsky.cli.plans import airspace, many, moves, watch
from lowsky.cli.plans.options import Suggest, Supersedes, with_wishes
from lowsky.cli.plans.requests import Wishes, operator_of, prepare
from lowsky.cli.session.session import Session, session_of
from lowsky.cli.values import child

if TYPE_CHECKING:
    from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
    from lowsky.cli.plans import plan_views
    from lowsky.client import calls
else:
    calls = deferred("lowsky.client.calls")
    pb = deferred("lowsky.api.flightplans.v1.flight_plans_pb2")
    plan_views = deferred("lowsky.cli.plans.plan_views")


app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

WAIT_S_DEFAULT = 10.0

File = Annotated[
    Path,
    typer.Argument(help="A QGroundControl .plan, or a FlightPlan message in protobuf JSON (.json), e.g. of volumes."),
]


@app.command()
@with_wishes
def submit(
    context: typer.Context,
    file: File,
    wishes: Wishes,
    supersedes: Supersedes = None,
    suggest: Suggest = False,
    wait: Annotated[
        float, typer.Option("--wait", min=0, max=60, help="Seconds to wait for the automatic decision.")
    ] = WAIT_S_DEFAULT,
    request_id: RequestId = "",
) -> None:
    """Submit a flight plan. Exit code 0: approved; 8: rejected; 9: under review or not decided yet.

    The result is the plan; with --suggest and --output json, the whole response with its alternatives.
    """
    session = session_of(context)
    wait = wait if math.isfinite(wait) else WAIT_S_DEFAULT
    request = _request(session, file, wishes, supersedes)
    request.request_id, request.suggest_alternatives = request_id, suggest
    if wait:
        request.wait_for_decision.FromTimedelta(timedelta(seconds=wait))
    with session.output.waiting(f"submitted; waiting up to {wait:g} s for the decision"):
        response = session.call(lambda client: client.flight_plans.SubmitFlightPlan, request, wait + calls.DEADLINE_S)
    plan = response.flight_plan
    session.output.show(response if suggest else plan, lambda: plan_views.result(plan, response.alternatives))
    raise typer.Exit(plan_views.exit_of_state(plan))


@app.command()
@with_wishes
def check(
    context: typer.Context, file: File, wishes: Wishes, supersedes: Supersedes = None, suggest: Suggest = False
) -> None:
    """Check a plan without submitting it. Exit code 0: no approval needed; 8: would be rejected; 9: officers decide."""
    session = session_of(context)
    request = _request(session, file, wishes, supersedes)
    request.validate_only, request.suggest_alternatives = True, suggest
    with session.output.waiting("checking"):
        response = session.call(lambda client: client.flight_plans.SubmitFlightPlan, request, 2 * calls.DEADLINE_S)
    plan = response.flight_plan
    shown = response if suggest else plan
    session.output.show(shown, lambda: plan_views.result(plan, response.alternatives, dry_run=True))
    raise typer.Exit(plan_views.exit_of_check(plan))


app.command("submit-many", help=many.HELP)(many.submit_many)
app.command()(watch.watch)
app.command("list")(moves.list_)
app.command()(moves.show)
app.command()(moves.withdraw)
app.command()(moves.activate)
app.command()(moves.report)
app.command()(moves.end)
app.command()(airspace.airspace)


def _request(session: Session, file: Path, wishes: Wishes, supersedes: str | None) -> pb.SubmitFlightPlanRequest:
    prepared = prepare(file, wishes, datetime.now(UTC))
    for remark in prepared.remarks:
        session.output.say(remark)
    operator = operator_of(prepared.plan)
    if supersedes is not None:
        prepared.plan.supersedes = child("flightPlans", supersedes, operator)
    return pb.SubmitFlightPlanRequest(parent=operator, flight_plan=prepared.plan)
