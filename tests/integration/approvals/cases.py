"""What the tests here say to the approvals service, and hear from it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from google.protobuf.message import Message

from lowsky.api.approvals.v1 import approvals_pb2 as pb
from lowsky.api.approvals.v1 import approvals_pb2_grpc
from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.events.v1 import events_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2
from lowsky.events import topics
from lowsky.events.event import Event, to_headers
from lowsky.ids import new_id
from tests.support.installation import Installation
from tests.support.polling import eventually

if TYPE_CHECKING:
    Stub: TypeAlias = approvals_pb2_grpc.ApprovalsServiceAsyncStub  # of the type stubs only

PLANS, APPROVALS = topics.FLIGHT_PLANS, topics.APPROVALS
GRANTED, REJECTED = pb.Decision.OUTCOME_GRANTED, pb.Decision.OUTCOME_REJECTED
State = pb.Approval.State


def new_authority() -> str:
    """An authority that no other test has."""
    return f"authorities/{new_id()}"


def new_plan(
    *deciding: str,
    notified: Sequence[str] = (),
    operator: str = "operators/o1",
    starts_in: timedelta = timedelta(hours=1),
    blocked: bool = False,
) -> flight_plans_pb2.FlightPlan:
    """A plan as flightplans announces it: one finding for each authority that must decide."""
    findings = [
        assessment_pb2.Finding(
            rule=assessment_pb2.Finding.RULE_GEOZONE_AUTHORIZATION,
            severity=assessment_pb2.Finding.SEVERITY_AUTHORIZATION,
            subject=f"geozones/of-{authority.removeprefix('authorities/')}",
            deciding_authorities=[authority],
        )
        for authority in deciding
    ]
    if blocked:
        findings.append(assessment_pb2.Finding(severity=assessment_pb2.Finding.SEVERITY_BLOCKING))
    plan = flight_plans_pb2.FlightPlan(
        name=f"{operator}/flightPlans/{new_id()}",
        reference="parcel 17",
        state=flight_plans_pb2.STATE_SUBMITTED,
        findings=findings,
        deciding_authorities=deciding,
        notified_authorities=notified,
    )
    plan.time_start.FromDatetime(datetime.now(UTC) + starts_in)
    plan.time_end.FromDatetime(datetime.now(UTC) + starts_in + timedelta(minutes=20))
    return plan


def event_of(plan: flight_plans_pb2.FlightPlan, what: str = "submitted") -> Event:
    """The event that flightplans tells of a plan."""
    value = events_pb2.FlightPlanEvent(flight_plan=plan).SerializeToString()
    return Event(PLANS, plan.name, f"lowsky.flightplan.{what}.v1", value, datetime.now(UTC), correlation_id=new_id())


async def publish(installation: Installation, *events: Event) -> None:
    """Puts events on their topics, in this order per key."""
    producer = installation.kafka.producer()
    await producer.start()
    try:
        for event in events:
            await producer.send(
                installation.kafka.topic(event.topic),
                event.value,
                key=event.key.encode(),
                headers=to_headers(event),
            )
        await producer.flush()
    finally:
        await producer.stop()


def auditor(installation: Installation, authority: str) -> Stub:
    """An auditor's stub."""
    return _stub(installation, roles=["auditor"], authority=authority, subject="auditor")


def officer(installation: Installation, authority: str, subject: str = "officer") -> Stub:
    """An officer's stub."""
    return _stub(installation, roles=["officer"], authority=authority, subject=subject)


def operator(installation: Installation, name: str = "operators/o1") -> Stub:
    """An operator's stub."""
    return _stub(installation, roles=["operator"], operator=name, subject="pilot")


def both(installation: Installation, authority: str, name: str, roles: Sequence[str] = ("operator", "officer")) -> Stub:
    """The stub of somebody who is both."""
    return _stub(installation, roles=list(roles), authority=authority, operator=name, subject="both")


def _stub(installation: Installation, **claims: Any) -> Stub:
    return installation.stub(approvals_pb2_grpc.ApprovalsServiceStub, "approvals", installation.token(**claims))


async def case_of(
    stub: Stub,
    plan: flight_plans_pb2.FlightPlan,
    state: pb.Approval.State.ValueType | None = None,
) -> pb.Approval:
    """The case of a plan as a caller sees it, once there is one (in that state)."""

    async def look() -> pb.Approval | None:
        answer = await stub.ListApprovals(pb.ListApprovalsRequest(flight_plan=plan.name))
        return next((case for case in answer.approvals if state is None or case.state == state), None)

    return cast(pb.Approval, await eventually(look, what=f"the case of {plan.name}"))


def decision(
    case: pb.Approval, outcome: pb.Decision.Outcome.ValueType = GRANTED, **fields: Any
) -> pb.DecideApprovalRequest:
    """A request to decide on a case as it was seen."""
    said = {"request_id": new_id(), "name": case.name, "etag": case.etag, "outcome": outcome, "reason": "as asked"}
    return pb.DecideApprovalRequest(**{**said, **fields})


async def told_of(installation: Installation, plan: flight_plans_pb2.FlightPlan) -> list[tuple[Event, Any]]:
    """The events of a plan's case so far, each once, in order."""
    found = {
        event.id: (event, value)
        for event, value in await installation.events(APPROVALS)
        if value.approval.flight_plan.name == plan.name
    }
    return list(found.values())


async def eventually_told(
    installation: Installation, plan: flight_plans_pb2.FlightPlan, *types: str
) -> list[tuple[Event, Any]]:
    """Waits until these and no others were told of a plan's case, by their short types."""

    async def told() -> list[tuple[Event, Any]]:
        events = await told_of(installation, plan)
        assert [event.type.split(".")[2] for event, _ in events] == list(types)
        return events

    return cast(list[tuple[Event, Any]], await eventually(told, what=f"{types} of {plan.name}"))


async def eventually_each(
    installation: Installation, plans: Sequence[flight_plans_pb2.FlightPlan], *types: str
) -> None:
    """As eventually_told for many plans, reading the topic once a look."""

    async def told() -> bool:
        heard: dict[str, dict[str, str]] = {plan.name: {} for plan in plans}
        for event, value in await installation.events(APPROVALS):
            if value.approval.flight_plan.name in heard:
                heard[value.approval.flight_plan.name][event.id] = event.type.split(".")[2]
        assert [tuple(events.values()) for events in heard.values()] == [types] * len(plans)
        return True

    await eventually(told, within_s=30, what=f"{types} of each plan")


async def second_worker(installation: Installation) -> None:
    """Starts a second worker, "2". It is no static member of its group, so that its partitions go back when it stops
    and not only half a minute later."""
    await installation.start("approvals", instance="2", env={"LOWSKY_INSTANCE": "", "LOWSKY_EXPIRE_EVERY_S": "0.05"})


def same(one: Message, other: Message) -> bool:
    """Whether two messages say the same."""
    return one.SerializeToString(deterministic=True) == other.SerializeToString(deterministic=True)
