"""`lowsky plan list|show|withdraw|activate|report|end`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lowsky.cli.deferred import deferred
from lowsky.cli.options import LIMIT_DEFAULT, Etag, Limit, Operator, RequestId, States
from lowsky.cli.output import clean, table
from lowsky.cli.plans.options import ReferenceSystem
from lowsky.cli.plans.requests import volumes_in
from lowsky.cli.session.session import Session, session_of
from lowsky.cli.values import child, enum_value, last, reference_system_value, show_time, timestamp

if TYPE_CHECKING:
    from rich.console import RenderableType

    from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
    from lowsky.cli.plans import plan_views
else:
    pb = deferred("lowsky.api.flightplans.v1.flight_plans_pb2")
    plan_views = deferred("lowsky.cli.plans.plan_views")


Name = Annotated[str, typer.Argument(help="operators/acme/flightPlans/…, or its last part with --operator.")]


def list_(
    context: typer.Context,
    operator: Operator = None,
    state: States = None,
    aircraft: Annotated[str | None, typer.Option("--aircraft", help="Only this aircraft.")] = None,
    after: Annotated[
        str | None, typer.Option("--after", metavar="TIME", help="Only plans in the air at or after this.")
    ] = None,
    before: Annotated[
        str | None, typer.Option("--before", metavar="TIME", help="Only plans in the air before this.")
    ] = None,
    limit: Limit = LIMIT_DEFAULT,
) -> None:
    """The plans of an operator, newest first; for officers, all plans that concern their authority."""
    session = session_of(context)
    # Officers give no operator: the wildcard lists what concerns their authority.
    parent = session.operator(operator) or "operators/-"
    request = pb.ListFlightPlansRequest(
        parent=parent,
        states=[enum_value(pb.State, text, "--state") for text in state or ()],
        aircraft=child("aircraft", aircraft, session.operator(operator)) if aircraft else "",
        time_start=timestamp(after, "--after"),
        time_end=timestamp(before, "--before"),
        view=pb.VIEW_SUMMARY,
    )
    found = session.listing(lambda client: client.flight_plans.ListFlightPlans, request, "flight_plans", limit)

    def view() -> Iterator[RenderableType]:
        made = table("plan", "state", "starts", "number", whole=("plan", "number"))
        for plan in found.flight_plans:
            name = last(plan.name) if parent != "operators/-" else plan.name
            reference = f"\n{plan.reference}" if plan.reference else ""
            made.add_row(
                clean(name + reference),
                plan_views.state_text(plan.state),
                show_time(plan.time_start),
                clean(plan.approval_number),
            )
        yield made

    session.output.show(found, view)


def show(context: typer.Context, name: Name, operator: Operator = None) -> None:
    """Show one plan with all findings."""
    session = session_of(context)
    request = pb.GetFlightPlanRequest(name=child("flightPlans", name, session.operator(operator)))
    plan = session.call(lambda client: client.flight_plans.GetFlightPlan, request).flight_plan
    _show(session, plan)


def withdraw(
    context: typer.Context,
    name: Name,
    operator: Operator = None,
    reason: Annotated[str, typer.Option("--reason")] = "",
    etag: Etag = "",
    request_id: RequestId = "",
) -> None:
    """Withdraw a plan before take-off; its airspace is free at once."""
    session = session_of(context)
    whole = child("flightPlans", name, session.operator(operator))
    request = pb.WithdrawFlightPlanRequest(request_id=request_id, name=whole, etag=etag, reason=reason)
    _show(session, session.call(lambda client: client.flight_plans.WithdrawFlightPlan, request).flight_plan)


def activate(
    context: typer.Context, name: Name, operator: Operator = None, etag: Etag = "", request_id: RequestId = ""
) -> None:
    """Activate a plan: the flight is about to start, within the plan's time window."""
    session = session_of(context)
    whole = child("flightPlans", name, session.operator(operator))
    request = pb.ActivateFlightPlanRequest(request_id=request_id, name=whole, etag=etag)
    _show(session, session.call(lambda client: client.flight_plans.ActivateFlightPlan, request).flight_plan)


def end(
    context: typer.Context, name: Name, operator: Operator = None, etag: Etag = "", request_id: RequestId = ""
) -> None:
    """End a plan: the flight is over."""
    session = session_of(context)
    whole = child("flightPlans", name, session.operator(operator))
    request = pb.EndFlightPlanRequest(request_id=request_id, name=whole, etag=etag)
    _show(session, session.call(lambda client: client.flight_plans.EndFlightPlan, request).flight_plan)


def report(
    context: typer.Context,
    name: Name,
    state: Annotated[
        str,
        typer.Option("--state", help="nonconforming: it left its plan; contingent: for good; activated: it is back."),
    ],
    operator: Operator = None,
    volumes: Annotated[
        Path | None,
        typer.Option(
            "--volumes", help="Where it may be outside its plan: a FlightPlan message in protobuf JSON, with volumes."
        ),
    ] = None,
    reference_system: ReferenceSystem = None,
    reason: Annotated[str, typer.Option("--reason")] = "",
    etag: Etag = "",
    request_id: RequestId = "",
) -> None:
    """Report the state of a flight in progress. Operators of flights that it may meet are notified."""
    session = session_of(context)
    system = reference_system_value(reference_system)
    request = pb.ReportFlightPlanStateRequest(
        request_id=request_id,
        name=child("flightPlans", name, session.operator(operator)),
        etag=etag,
        state=enum_value(pb.State, state, "--state"),
        off_nominal_volumes=volumes_in(volumes, system) if volumes else None,
        reason=reason,
    )
    _show(session, session.call(lambda client: client.flight_plans.ReportFlightPlanState, request).flight_plan)


def _show(session: Session, plan: pb.FlightPlan) -> None:
    session.output.show(plan, lambda: plan_views.result(plan))
