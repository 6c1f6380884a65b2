"""Conversion of cases to protobuf messages."""

from __future__ import annotations

from collections.abc import Iterable

from lowsky.api.approvals.v1 import approvals_pb2
from lowsky.api.events.v1 import events_pb2
from lowsky.approvals.domain.approval import Approval, ApprovalState, Decision, Outcome
from lowsky.approvals.domain.reasons import Rescission
from lowsky.open_enums import name_of, number_of, text_member

_State = approvals_pb2.Approval.State
_Outcome = approvals_pb2.Decision.Outcome


def outcome_of(value: approvals_pb2.Decision.Outcome.ValueType) -> Outcome:
    """The outcome in a validated request."""
    return text_member(Outcome, name_of(_Outcome, value, "OUTCOME_"))


def states_of(values: Iterable[approvals_pb2.Approval.State.ValueType]) -> tuple[ApprovalState, ...]:
    """The states of a validated filter."""
    return tuple(text_member(ApprovalState, name_of(_State, value, "STATE_")) for value in dict.fromkeys(values))


def to_message(approval: Approval, *, with_officers: bool) -> approvals_pb2.Approval:
    """The resource. Operators see the decision of an authority, not the officer who made it."""
    message = approvals_pb2.Approval(
        name=approval.name,
        etag=approval.etag,
        number=approval.number,
        state=_State.ValueType(number_of(_State, "STATE_", approval.state)),
        decisions=[_decision(decision, with_officer=with_officers) for decision in approval.decisions],
        notified_authorities=approval.notified_authorities,
        automatic=approval.automatic,
    )
    if (rescission := approval.rescission) is not None:
        message.rescission.CopyFrom(_rescission(rescission, with_officer=with_officers))
    message.flight_plan.MergeFromString(approval.snapshot)
    if message.flight_plan.HasField("update_time"):
        message.flight_plan_time.CopyFrom(message.flight_plan.update_time)
    message.create_time.FromDatetime(approval.create_time)
    message.update_time.FromDatetime(approval.update_time)
    message.decide_by_time.FromDatetime(approval.decide_by_time)
    return message


def to_event(approval: Approval) -> bytes:
    """The value of lowsky.approval.* events. They do not name the officers: the topic has other readers than
    authorities."""
    return events_pb2.ApprovalEvent(approval=to_message(approval, with_officers=False)).SerializeToString()


def _decision(decision: Decision, *, with_officer: bool) -> approvals_pb2.Decision:
    message = approvals_pb2.Decision(
        authority=decision.authority,
        outcome=_Outcome.ValueType(number_of(_Outcome, "OUTCOME_", decision.outcome)),
        officer=decision.officer if with_officer else "",
        reason=decision.reason,
        geozones=decision.geozones,
        reason_codes=decision.reason_codes,
        airspace_revision=decision.airspace_revision,
    )
    if decision.decide_time:
        message.decide_time.FromDatetime(decision.decide_time)
    return message


def _rescission(rescission: Rescission, *, with_officer: bool) -> approvals_pb2.Rescission:
    message = approvals_pb2.Rescission(
        authority=rescission.authority,
        officer=rescission.officer if with_officer else "",
        reason=rescission.reason,
        reason_codes=rescission.reason_codes,
    )
    message.rescind_time.FromDatetime(rescission.rescind_time)
    return message
