"""`lowsky approvals`: for officers to decide, and for operators to see the state of their cases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from lowsky.cli.deferred import deferred
from lowsky.cli.options import LIMIT_DEFAULT, Limit, RequestId, States
from lowsky.cli.output import facts, row, table
from lowsky.cli.problems import invalid
from lowsky.cli.session.session import Session, session_of
from lowsky.cli.values import enum_name, enum_value, last, resource, show_time

if TYPE_CHECKING:
    from rich.console import RenderableType

    from lowsky.api.approvals.v1 import approvals_pb2 as pb
    from lowsky.api.assessment.v1 import assessment_pb2
    from lowsky.api.flightplans.v1 import flight_plans_pb2
    from lowsky.cli.plans import plan_views
else:
    assessment_pb2 = deferred("lowsky.api.assessment.v1.assessment_pb2")
    pb = deferred("lowsky.api.approvals.v1.approvals_pb2")
    flight_plans_pb2 = deferred("lowsky.api.flightplans.v1.flight_plans_pb2")
    plan_views = deferred("lowsky.cli.plans.plan_views")


app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(help="approvals/… or its last part.")]
Etag = Annotated[str, typer.Option("--etag", help="Etag of the case as you saw it (approvals show).")]
Reason = Annotated[str, typer.Option("--reason", help="Shown to the operator.")]
Codes = Annotated[
    list[str] | None, typer.Option("--code", help="Reason code (approvals reasons); repeatable.", metavar="CODE")
]


@app.command("list")
def list_(
    context: typer.Context,
    state: States = None,
    awaiting_me: Annotated[
        bool, typer.Option("--awaiting-me", help="Only cases that your authority has yet to decide.")
    ] = False,
    flight_plan: Annotated[str, typer.Option("--plan", help="Only the case of this plan.")] = "",
    limit: Limit = LIMIT_DEFAULT,
) -> None:
    """List the cases: those that wait for a decision first, the most urgent at the top, then the others."""
    session = session_of(context)
    request = pb.ListApprovalsRequest(
        states=[enum_value(pb.Approval.State, text, "--state") for text in state or ()],
        awaiting_me=awaiting_me,
        flight_plan=flight_plan,
        view=flight_plans_pb2.VIEW_SUMMARY,
    )
    found = _cases(session, request, limit) if request.states else _pending_first(session, request, limit)

    def view() -> Iterator[RenderableType]:
        now = datetime.now(UTC)
        # Few columns, each of lines: the id of a case alone takes half of 80 characters.
        made = table("case", "state, decide by", "flight, authorities", whole=("case", "state, decide by"))
        for one in found.approvals:
            state = enum_name(pb.Approval.State, one.state)
            operator = one.flight_plan.name.partition("/flightPlans/")[0]
            flight = "\n".join(filter(None, (last(operator), _met(one.flight_plan), _words(one))))
            row(made, f"{one.number}\n{last(one.name)}", f"{state}\n{_decide_by(one, now)}", flight)
        yield made

    session.output.show(found, view)


def _cases(session: Session, request: pb.ListApprovalsRequest, limit: int) -> pb.ListApprovalsResponse:
    return session.listing(lambda client: client.approvals.ListApprovals, request, "approvals", limit)


def _pending_first(session: Session, request: pb.ListApprovalsRequest, limit: int) -> pb.ListApprovalsResponse:
    """The cases of all states: the service orders by the time of decision, by which old decided ones come first."""
    others = pb.ListApprovalsRequest()
    others.CopyFrom(request)
    request.states[:] = [pb.Approval.STATE_PENDING]
    found = _cases(session, request, limit)
    left = limit - len(found.approvals)
    if left <= 0:
        session.output.warn("cases that are decided are not shown (--limit)")
        return found
    ended = {pb.Approval.STATE_UNSPECIFIED, pb.Approval.STATE_PENDING}
    others.states[:] = [state for state in pb.Approval.State.values() if state not in ended]
    more = _cases(session, others, left)
    found.approvals.extend(more.approvals)
    found.next_page_token = more.next_page_token
    return found


def _met(plan: flight_plans_pb2.FlightPlan) -> str:
    """The zones and areas because of which an authority decides."""
    asking = [one for one in plan.findings if one.severity == assessment_pb2.Finding.SEVERITY_AUTHORIZATION]
    return "\n".join(dict.fromkeys(one.subject_title or last(one.subject) for one in asking))


def _decide_by(approval: pb.Approval, now: datetime) -> str:
    """The time, and how long it is until then if the case is pending."""
    shown = show_time(approval.decide_by_time)
    if approval.state != pb.Approval.STATE_PENDING or not shown:
        return shown
    return f"{remaining(approval.decide_by_time.ToDatetime(UTC) - now)}\n{shown}"


def remaining(left: timedelta) -> str:
    """`in 3 h 20 min`; `overdue` once it is past."""
    minutes = int(left.total_seconds() // 60)
    if minutes < 0:
        return "overdue"
    days, hours = minutes // 1_440, minutes // 60
    if days >= 2:
        return f"in {days} days"
    return f"in {hours} h {minutes % 60:02d} min" if hours else f"in {minutes} min"


@app.command()
def show(context: typer.Context, name: Name) -> None:
    """Show one case: the plan as checked, and the decision of each authority. A decision needs its etag."""
    session = session_of(context)
    request = pb.GetApprovalRequest(name=resource("approvals", name))
    _show(session, session.call(lambda client: client.approvals.GetApproval, request).approval)


@app.command()
def decide(
    context: typer.Context,
    name: Name,
    etag: Etag,
    reason: Reason,
    code: Codes = None,
    grant: Annotated[bool, typer.Option("--grant")] = False,
    reject: Annotated[bool, typer.Option("--reject")] = False,
    request_id: RequestId = "",
) -> None:
    """Decide a case for your authority."""
    if grant == reject:
        raise invalid("OUTCOME_MISSING", "say either --grant or --reject")
    session = session_of(context)
    outcome = pb.Decision.OUTCOME_GRANTED if grant else pb.Decision.OUTCOME_REJECTED
    case = resource("approvals", name)
    approval = session.run(
        lambda client: client.decide_approval(
            case, outcome, etag=etag, reason=reason, reason_codes=code or (), request_id=request_id
        )
    )
    _show(session, approval)


@app.command()
def rescind(
    context: typer.Context,
    name: Name,
    etag: Etag,
    reason: Reason,
    code: Codes = None,
    request_id: RequestId = "",
) -> None:
    """Take your authority's grant back. A flight in the air keeps its airspace until it is down."""
    session = session_of(context)
    request = pb.RescindApprovalRequest(
        request_id=request_id, name=resource("approvals", name), etag=etag, reason=reason, reason_codes=code or ()
    )
    _show(session, session.call(lambda client: client.approvals.RescindApproval, request).approval)


@app.command()
def comment(
    context: typer.Context,
    name: Name,
    text: Annotated[str, typer.Argument(help="For officers of the authorities concerned; operators never see it.")],
    request_id: RequestId = "",
) -> None:
    """Comment on a case, for the authorities concerned."""
    session = session_of(context)
    request = pb.CommentApprovalRequest(request_id=request_id, name=resource("approvals", name), text=text)
    said = session.call(lambda client: client.approvals.CommentApproval, request).comment
    session.output.show(said, lambda: _comments([said]))


@app.command()
def comments(context: typer.Context, name: Name) -> None:
    """List the comments of officers on a case, the oldest first."""
    session = session_of(context)
    request = pb.ListApprovalCommentsRequest(name=resource("approvals", name))
    found = session.call(lambda client: client.approvals.ListApprovalComments, request)
    session.output.show(found, lambda: _comments(found.comments))


@app.command()
def reasons(
    context: typer.Context,
    language: Annotated[str, typer.Option("--language", help="Of the texts, as in en or zh.")] = "en",
) -> None:
    """List the reason codes of decisions and rescissions."""
    session = session_of(context)
    found = session.call(lambda client: client.approvals.ListReasonCodes, pb.ListReasonCodesRequest())

    def view() -> Iterator[RenderableType]:
        made = table("code", "explains a", "meaning")
        for one in found.reason_codes:
            uses = ", ".join(enum_name(pb.ReasonCode.Use, use).lower() for use in one.uses)
            row(made, one.code, uses, next((text.text for text in one.texts if text.language == language), ""))
        yield made

    session.output.show(found, view)


def _words(approval: pb.Approval) -> str:
    if approval.automatic or not approval.decisions:
        return "by rule"
    return "\n".join(f"{last(one.authority)}: {_outcome(one).lower()}" for one in approval.decisions)


def _outcome(decision: pb.Decision) -> str:
    return enum_name(pb.Decision.Outcome, decision.outcome) if decision.outcome else "UNDECIDED"


def _comments(said: Iterable[pb.ApprovalComment]) -> Iterator[RenderableType]:
    made = table("when", "authority", "who", "comment")
    for one in said:
        row(made, show_time(one.create_time), last(one.authority), one.officer, one.text)
    yield made


def _because(codes: Iterable[str], text: str) -> str:
    return "\n".join([*codes, text])


def _show(session: Session, approval: pb.Approval) -> None:
    def view() -> Iterator[RenderableType]:
        yield facts(
            case=approval.name,
            number=approval.number,
            state=enum_name(pb.Approval.State, approval.state),
            decide_by=show_time(approval.decide_by_time),
            told=", ".join(last(name) for name in approval.notified_authorities),
            etag=approval.etag,
        )
        made = table("authority", "says", "when", "who", "because")
        for one in approval.decisions:
            said = _outcome(one)
            because = _because(one.reason_codes, one.reason)
            row(made, last(one.authority), said, show_time(one.decide_time), one.officer, because)
        if approval.HasField("rescission"):
            taken = approval.rescission
            because = _because(taken.reason_codes, taken.reason)
            row(made, last(taken.authority), "RESCINDED", show_time(taken.rescind_time), taken.officer, because)
        if approval.decisions:
            yield made
        if approval.HasField("flight_plan"):
            if approval.HasField("flight_plan_time"):
                yield f"the plan as of {show_time(approval.flight_plan_time)}; it may have changed since:"
            yield from plan_views.details(approval.flight_plan)

    session.output.show(approval, view)
