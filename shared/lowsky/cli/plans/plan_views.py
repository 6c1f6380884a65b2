"""Formats flight plans for the terminal: state, number, findings, next steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import RenderableType
from rich.text import Text

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.cli.exits import Exit
from lowsky.cli.output import clean, facts, row, table
from lowsky.cli.values import enum_name, last, show_band, show_ranges, show_time

FINAL = {pb.STATE_REJECTED, pb.STATE_EXPIRED, pb.STATE_WITHDRAWN, pb.STATE_RESCINDED, pb.STATE_ENDED}
UNDECIDED = {pb.STATE_SUBMITTED, pb.STATE_UNDER_REVIEW, pb.STATE_UNSPECIFIED}
REFUSED = FINAL - {pb.STATE_ENDED}

_STYLE = {pb.STATE_APPROVED: "bold green", pb.STATE_ACTIVATED: "bold green", pb.STATE_UNDER_REVIEW: "bold yellow"}


def is_over(plan: pb.FlightPlan) -> bool:
    """Whether nothing more will happen to a plan: a rescinded flight that is airborne has still to land."""
    return plan.state in FINAL and not plan.airborne


def exit_of_state(plan: pb.FlightPlan) -> Exit:
    """The exit code for the state of a plan."""
    if plan.state in REFUSED:
        return Exit.PLAN_REJECTED
    return Exit.PLAN_UNDECIDED if plan.state in UNDECIDED else Exit.OK


def exit_of_check(plan: pb.FlightPlan) -> Exit:
    """The exit code of a dry run: the result that a submission would have."""
    severities = {finding.severity for finding in plan.findings}
    if plan.state == pb.STATE_REJECTED or assessment_pb2.Finding.SEVERITY_BLOCKING in severities:
        return Exit.PLAN_REJECTED
    if plan.deciding_authorities or assessment_pb2.Finding.SEVERITY_AUTHORIZATION in severities:
        return Exit.PLAN_UNDECIDED
    return Exit.OK


def state_text(state: pb.State.ValueType) -> Text:
    """A state with its colour."""
    style = "bold red" if state in REFUSED else _STYLE.get(state, "")
    return Text(enum_name(pb.State, state).replace("_", " "), style=style)


def result(
    plan: pb.FlightPlan, moves: Iterable[pb.Alternative] = (), *, dry_run: bool = False
) -> Iterator[RenderableType]:
    """A plan after it was submitted or checked, with alternatives that would pass if it does not."""
    yield from details(plan, dry_run=dry_run)
    for move in moves:
        yield Text(f"would pass {move_text(move)}", style="green")
    yield from next_steps(plan, dry_run=dry_run)


def move_text(move: pb.Alternative) -> str:
    """An alternative as text: another time, or how much higher or lower."""
    if move.WhichOneof("move") == "departure_time":
        return f"at {show_time(move.departure_time, seconds=True)}"
    if not move.altitude_offset_m:
        return "as it is"
    return f"{abs(move.altitude_offset_m):g} m {'higher' if move.altitude_offset_m > 0 else 'lower'}"


def details(plan: pb.FlightPlan, *, dry_run: bool = False) -> Iterator[RenderableType]:
    """A plan with its findings."""
    yield Text.assemble("dry run: " if dry_run else "", _headline(plan, dry_run=dry_run))
    yield facts(
        plan=plan.name,
        number=plan.approval_number,
        case=plan.approval,
        because=plan.state_reason,
        reference=plan.reference,
        aircraft=plan.aircraft,
        purpose=f"{enum_name(pb.FlightPlan.Purpose, plan.purpose)}, {enum_name(pb.FlightPlan.Mode, plan.mode)}",
        time=" to ".join(filter(None, (show_time(plan.time_start), show_time(plan.time_end)))),
        decided_by=", ".join(last(name) for name in plan.deciding_authorities),
        told=", ".join(last(name) for name in plan.notified_authorities),
        airspace=f"revision {plan.airspace_revision}" if plan.airspace_revision else "",
        etag=plan.etag,
    )
    yield from findings(plan)


def findings(plan: pb.FlightPlan) -> Iterator[RenderableType]:
    """A table of the findings, and below it their texts."""
    if not plan.findings:
        return
    part = "legs" if plan.WhichOneof("airspace") == "trajectory" else "volumes"
    made = table("#", "finding", "zone", part, "plan altitudes", "zone altitudes")
    texts = []
    for number, finding in enumerate(plan.findings, 1):
        severity = enum_name(assessment_pb2.Finding.Severity, finding.severity).lower()
        rule = enum_name(assessment_pb2.Finding.Rule, finding.rule)
        row(
            made,
            str(number),
            f"{severity}: {rule.replace('_', ' ').lower()}",
            "\n".join(dict.fromkeys(filter(None, (finding.subject_title, last(finding.subject))))),
            # Leg 1 leads from the first waypoint to the second; the fields of a message count from 0.
            show_ranges(volume + 1 for volume in finding.volumes) + _left_out(finding),
            show_band(finding.plan_altitude) if finding.HasField("plan_altitude") else "",
            show_band(finding.subject_altitude) if finding.HasField("subject_altitude") else "",
        )
        uncertain = " (the altitudes may not meet: their datums differ)" if finding.altitude_uncertain else ""
        texts.append(clean(f"{number}. {finding.message}{uncertain}"))
    yield made
    yield from texts


def _left_out(finding: assessment_pb2.Finding) -> str:
    more = finding.volumes_count - len(finding.volumes)
    return f" and {more} more" if more > 0 else ""


def next_steps(plan: pb.FlightPlan, *, dry_run: bool) -> Iterator[RenderableType]:
    """The commands that are possible now."""
    steps: list[str] = []
    code = exit_of_check(plan) if dry_run else exit_of_state(plan)
    if plan.airborne:
        steps = [f"land at once, then release the airspace: lowsky plan end {plan.name}"]
    elif code is Exit.PLAN_REJECTED:
        steps = ["change the route, the altitude or the time according to the findings, and check again: plan check"]
    elif dry_run and code is Exit.PLAN_UNDECIDED:
        steps = ["submit it: the authorities named above must decide"]
    elif dry_run:
        steps = ["submit it: no approval of an authority is needed"]
    elif plan.state == pb.STATE_APPROVED:
        steps = [
            f"before take-off: lowsky plan activate {plan.name}",
            f"no longer needed: lowsky plan withdraw {plan.name}",
        ]
    elif plan.state in UNDECIDED:
        steps = [f"wait for the decision: lowsky plan watch {plan.name}"]
    elif plan.state == pb.STATE_ACTIVATED:
        steps = [f"after landing: lowsky plan end {plan.name}"]
    for step in steps:
        yield Text(f"→ {step}", style="cyan")


def update_line(plan: pb.FlightPlan) -> Text:
    """One line about a change, for a watch."""
    number = f" {plan.approval_number}" if plan.approval_number else ""
    because = f": {clean(plan.state_reason)}" if plan.state_reason else ""
    return Text.assemble(
        f"{show_time(plan.update_time, seconds=True)} ", state_text(plan.state), f"{number} {plan.name}{because}"
    )


def _headline(plan: pb.FlightPlan, *, dry_run: bool) -> Text:
    if not dry_run:
        return state_text(plan.state)
    words = {
        Exit.PLAN_REJECTED: ("would be REJECTED", "bold red"),
        Exit.PLAN_UNDECIDED: ("would be put UNDER REVIEW", "bold yellow"),
    }
    return Text(*words.get(exit_of_check(plan), ("would be APPROVED by rule", "bold green")))
