"""Conversion between operators and protobuf messages."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.events.v1 import events_pb2
from lowsky.api.registration.v1 import operators_pb2
from lowsky.open_enums import name_of, number_of, text_member
from lowsky.registration.codec.identifiers import to_messages
from lowsky.registration.domain.documents import MissingDocument
from lowsky.registration.domain.operator import (
    Operator,
    OperatorKind,
    OperatorProfile,
    OperatorState,
)

_Kind = operators_pb2.Operator.Kind
_State = operators_pb2.Operator.State


def kind_of(message: operators_pb2.Operator) -> OperatorKind:
    """The kind in a validated message."""
    return text_member(OperatorKind, name_of(_Kind, message.kind, "KIND_"))


def states_of(values: Iterable[operators_pb2.Operator.State.ValueType]) -> list[OperatorState]:
    """The states of a validated filter."""
    return [text_member(OperatorState, name_of(_State, value, "STATE_")) for value in values]


def profile_of(message: operators_pb2.Operator) -> OperatorProfile:
    """The fields that an operator may change about itself."""
    return OperatorProfile(
        display_name=message.display_name,
        contact_person=message.contact.person_name,
        contact_email=message.contact.email,
        contact_phone=message.contact.phone,
        insurance_expire_time=_time(message, "insurance_expire_time"),
        certificate_number=message.certificate.number,
        certificate_expire_time=_time(message.certificate, "expire_time"),
    )


def to_answer(operator: Operator, missing: Iterable[MissingDocument]) -> operators_pb2.Operator:
    """The resource as the operator itself and the registrar see it, with its missing documents."""
    message = to_message(operator)
    message.missing_documents.extend(
        operators_pb2.MissingDocument(
            document=operators_pb2.MissingDocument.Document.Value(f"DOCUMENT_{one.document}"),
            expired=one.expired,
            flights=one.requirement.flights,
            jurisdiction=one.requirement.jurisdiction,
            source=one.requirement.source.text,
        )
        for one in missing
    )
    return message


def to_message(operator: Operator) -> operators_pb2.Operator:
    """The resource."""
    profile = operator.profile
    message = operators_pb2.Operator(
        name=operator.name,
        etag=operator.etag,
        display_name=profile.display_name,
        kind=_Kind.ValueType(number_of(_Kind, "KIND_", operator.kind)),
        identifiers=to_messages(operator.identifiers),
        contact=operators_pb2.Contact(
            person_name=profile.contact_person, email=profile.contact_email, phone=profile.contact_phone
        ),
        state=_State.ValueType(number_of(_State, "STATE_", operator.state)),
        state_reason=operator.state_reason,
        priority_max=assessment_pb2.Priority.ValueType(operator.priority_max),
        priority_reason=operator.priority_reason,
    )
    message.create_time.FromDatetime(operator.create_time)
    message.update_time.FromDatetime(operator.update_time)
    if profile.insurance_expire_time:
        message.insurance_expire_time.FromDatetime(profile.insurance_expire_time)
    if profile.certificate_number:
        message.certificate.number = profile.certificate_number
        if profile.certificate_expire_time:
            message.certificate.expire_time.FromDatetime(profile.certificate_expire_time)
    return message


def to_event(operator: Operator) -> bytes:
    """The value of lowsky.operator.* events."""
    return events_pb2.OperatorEvent(operator=to_message(operator)).SerializeToString()


def _time(message: operators_pb2.Operator | operators_pb2.OperationCertificate, field: str) -> datetime | None:
    if not message.HasField(field):  # type: ignore[arg-type]  # the fields are literals in the stubs
        return None
    value: Timestamp = getattr(message, field)
    return value.ToDatetime(tzinfo=UTC)
