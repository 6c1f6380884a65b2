"""Whether a request came before is a question of what it asks for, not of its bytes: of every mutation there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from google.api import field_behavior_pb2
from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from lowsky.api.airspace.v1 import authorities_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2
from lowsky.api.geo.v1 import geo_pb2
from lowsky.auth.rules import RULES
from lowsky.canonical import canonical
from tests.architecture.contract import ROOT, methods

REQUEST_ID = "0f1e2d3c-4b5a-4678-9abc-def012345678"
DEPTH_MAX = 7
TIMES = ("google.protobuf.Timestamp", "google.protobuf.Duration")
BESIDE = {"request_id", "wait_for_decision", "suggest_alternatives"}
UNKNOWN = b"\xf2\x3f\x07padding"
"""Field 1022 of any message, a text."""


def mutations() -> list[Descriptor]:
    """The request of every mutation; of a client stream the message in it that has the request id."""
    found: dict[str, Descriptor] = {}
    for path, rule in RULES.items():
        message = methods()[path].input_type
        if rule.writes and "request_id" not in message.fields_by_name:
            (message,) = [f.message_type for f in message.fields if f.message_type and _has_id(f.message_type)]
        if rule.writes:
            found[message.full_name] = message
    return [found[name] for name in sorted(found)]


def _has_id(descriptor: Descriptor) -> bool:
    return "request_id" in descriptor.fields_by_name


every_mutation = pytest.mark.parametrize("kind", mutations(), ids=lambda kind: kind.name)


def a_request(kind: Descriptor) -> Any:
    """A request in which every field is set (of each choice the last); each repeated one twice."""
    message: Any = message_factory.GetMessageClass(kind)()
    _fill(message, 0)
    message.request_id = REQUEST_ID
    if "update_mask" in kind.fields_by_name:
        (resource,) = [f for f in kind.fields if f.message_type and "etag" in f.message_type.fields_by_name]
        del message.update_mask.paths[:]
        assert resource.message_type is not None
        message.update_mask.paths.extend(f.name for f in inputs(resource.message_type))
    return message


def _fill(message: Any, depth: int) -> None:
    for field in message.DESCRIPTOR.fields:
        if _is_map(field):
            value = field.message_type.fields_by_name["value"]
            for key in ("b", "a"):
                getattr(message, field.name)[key] = 1 if value.enum_type else "authorities/a"
        elif field.message_type is not None:
            if depth < DEPTH_MAX:
                target = getattr(message, field.name)
                for one in (target.add(), target.add()) if field.is_repeated else (target,):
                    one.SetInParent()
                    _fill(one, depth + 1)
        elif field.is_repeated:
            getattr(message, field.name).extend([_value(field, 1), _value(field, 2)])
        else:
            setattr(message, field.name, _value(field, 1))


def _value(field: FieldDescriptor, number: int) -> Any:
    if field.enum_type is not None:
        return field.enum_type.values[min(number, len(field.enum_type.values) - 1)].number
    if field.type == FieldDescriptor.TYPE_BOOL:
        return number % 2 == 1
    if field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES):
        return f"text {number}" if field.type == FieldDescriptor.TYPE_STRING else b"bytes"
    return 7000 * number if field.name == "nanos" else number


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def is_output_only(field: FieldDescriptor) -> bool:
    return field_behavior_pb2.OUTPUT_ONLY in field.GetOptions().Extensions[field_behavior_pb2.field_behavior]


def inputs(kind: Descriptor) -> list[FieldDescriptor]:
    """The fields of a resource that its caller says."""
    return [f for f in kind.fields if not is_output_only(f) and f.name not in ("name", "etag")]


def messages_in(message: Any, *, inputs_only: bool = False) -> Iterator[Any]:
    """The message and all within."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None and not _is_map(field) and not (inputs_only and is_output_only(field)):
            for one in value if field.is_repeated else (value,):
                yield from messages_in(one, inputs_only=inputs_only)


def copy_of(message: Message) -> Any:
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


@every_mutation
def test_a_request_id_in_capitals_is_the_same(kind: Descriptor) -> None:
    other = copy_of(a_request(kind))
    other.request_id = REQUEST_ID.upper()
    assert canonical(other) == canonical(a_request(kind))


@every_mutation
def test_unknown_fields_ask_for_nothing(kind: Descriptor) -> None:
    other = a_request(kind)
    for message in list(messages_in(other)):
        message.MergeFromString(UNKNOWN)
    assert other.ByteSize() > a_request(kind).ByteSize()
    assert canonical(other) == canonical(a_request(kind))


@every_mutation
def test_what_is_output_only_asks_for_nothing(kind: Descriptor) -> None:
    other = a_request(kind)
    for message in list(messages_in(other)):
        for field in message.DESCRIPTOR.fields:
            if is_output_only(field):
                message.ClearField(field.name)
    assert canonical(other) == canonical(a_request(kind))


@every_mutation
def test_times_that_are_stored_alike_are_the_same(kind: Descriptor) -> None:
    """Starts are rounded down, ends and what is added to an interval up."""
    other = a_request(kind)
    for message in list(messages_in(other)):
        for field, value in message.ListFields():
            if field.message_type is not None and field.message_type.full_name in TIMES:
                value.nanos += -300 if field.name in ("time_end", "time_buffer") else 300
    assert canonical(other) == canonical(a_request(kind))


@every_mutation
def test_the_order_of_fields_and_of_map_entries_says_nothing(kind: Descriptor) -> None:
    request, other = a_request(kind), message_factory.GetMessageClass(kind)()
    for field, value in reversed(request.ListFields()):
        if _is_map(field):
            for key in reversed(list(value)):
                getattr(other, field.name)[key] = value[key]
        else:
            alone = message_factory.GetMessageClass(kind)()
            copied = copy_of(request)
            for name in {f.name for f in kind.fields} - {field.name}:
                copied.ClearField(name)
            alone.MergeFrom(copied)
            other.MergeFromString(alone.SerializeToString())
    assert canonical(other) == canonical(request)


@every_mutation
def test_defaults_that_are_said_are_the_same_as_those_that_are_not(kind: Descriptor) -> None:
    """Of fields without presence: the wire may carry them all the same."""
    for field in kind.fields:
        if field.has_presence or field.is_repeated:
            continue
        request = a_request(kind)
        request.ClearField(field.name)
        other = copy_of(request)
        text = field.type == FieldDescriptor.TYPE_STRING
        other.MergeFromString(bytes([*_varint(field.number << 3 | (2 if text else 0)), 0]))
        assert canonical(other) == canonical(request), field.name


@every_mutation
def test_whatever_else_differs_asks_for_something_else(kind: Descriptor) -> None:
    request = a_request(kind)
    for field, value in request.ListFields():
        if field.name in BESIDE:
            continue
        other = copy_of(request)
        other.ClearField(field.name)
        assert canonical(other) != canonical(request), field.name
        if field.message_type is not None and "etag" in field.message_type.fields_by_name:
            for inner, _ in value.ListFields():
                if inner in inputs(field.message_type):
                    other = copy_of(request)
                    getattr(other, field.name).ClearField(inner.name)
                    assert canonical(other) != canonical(request), inner.name


@every_mutation
def test_a_time_that_is_stored_otherwise_asks_for_something_else(kind: Descriptor) -> None:
    request = a_request(kind)
    for n, message in enumerate(messages_in(request, inputs_only=True)):
        for field, _ in message.ListFields():
            is_time = field.message_type is not None and field.message_type.full_name in TIMES
            if is_time and not is_output_only(field) and field.name not in BESIDE:
                other = copy_of(request)
                getattr(list(messages_in(other, inputs_only=True))[n], field.name).nanos += 1000
                assert canonical(other) != canonical(request), field.name


@every_mutation
def test_no_map_holds_messages_and_no_time_is_repeated(kind: Descriptor) -> None:
    """canonical would pass them over."""
    for message in messages_in(a_request(kind)):
        for field in message.DESCRIPTOR.fields:
            if _is_map(field):
                assert field.message_type.fields_by_name["value"].message_type is None
            elif field.message_type is not None and field.message_type.full_name in TIMES:
                assert not field.is_repeated


def test_a_packed_field_is_the_same_as_one_that_is_not() -> None:
    request = flight_plans_pb2.SubmitFlightPlanRequest(request_id=REQUEST_ID)
    request.flight_plan.special_activities.extend(
        [flight_plans_pb2.SPECIAL_ACTIVITY_DROPS_ARTICLES, flight_plans_pb2.SPECIAL_ACTIVITY_NETWORK_RELAY]
    )
    packed = b"\x6a\x02\x01\x03"
    plan = request.flight_plan.SerializeToString()
    assert packed in plan
    other = flight_plans_pb2.SubmitFlightPlanRequest(request_id=REQUEST_ID)
    other.flight_plan.MergeFromString(plan.replace(packed, b"\x68\x01\x68\x03"))
    assert canonical(other) == canonical(request)


def test_minus_zero_is_zero_and_an_optional_zero_is_not_nothing() -> None:
    def limits(lower_m: float | None, latitude: float) -> bytes:
        band = geo_pb2.AltitudeBand(lower_m=lower_m)
        volume = geo_pb2.Volume4D(altitude=band)
        volume.outline_polygon.vertices.add(latitude=latitude, longitude=8)
        request = flight_plans_pb2.SubmitFlightPlanRequest(request_id=REQUEST_ID)
        request.flight_plan.volumes.volumes.append(volume)
        return canonical(request)

    assert limits(-0.0, -0.0) == limits(0.0, 0.0)
    assert limits(0.0, 0.0) != limits(None, 0.0)


def test_of_an_update_counts_what_its_mask_names_in_whatever_order() -> None:
    def update(*paths: str, **fields: str) -> bytes:
        authority = authorities_pb2.Authority(name="authorities/a")
        request = authorities_pb2.UpdateAuthorityRequest(request_id=REQUEST_ID, authority=authority)
        for name, value in fields.items():
            setattr(request.authority, name, value)
        request.update_mask.paths.extend(paths)
        return canonical(request)

    assert update("phone", "email", phone="1") == update("email", "phone", "email", phone="1")
    assert update("phone", phone="1") == update("phone", phone="1", email="a@example.com")
    assert update("phone", phone="1") != update("phone", phone="2")
    assert update("phone", phone="1") != update("phone", phone="1", etag="7")


def test_all_that_a_submission_asks_for_is_looked_at() -> None:
    """flightplans puts its parts together itself (rpc._identity), which is faster."""
    fields = {field.name for field in flight_plans_pb2.SubmitFlightPlanRequest.DESCRIPTOR.fields}
    assert fields - BESIDE == {"parent", "flight_plan", "validate_only"}


def test_a_request_is_known_again_in_one_way_only() -> None:
    makers = [path for path in ROOT.glob("s*/lowsky/**/*.py") if "Request.of(" in path.read_text()]
    assert [path.name for path in makers] == ["once.py"]


def _varint(number: int) -> bytes:
    data = bytearray()
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*data, number])


def test_the_last_instant_of_the_calendar_stays_within_it() -> None:
    for nanos in (999_999_000, 999_999_001, 999_999_999):
        request = flight_plans_pb2.SubmitFlightPlanRequest()
        volume = request.flight_plan.volumes.volumes.add()
        volume.time_end.seconds, volume.time_end.nanos = 253_402_300_799, nanos
        kept = flight_plans_pb2.SubmitFlightPlanRequest.FromString(canonical(request))
        assert kept.flight_plan.volumes.volumes[0].time_end.nanos == 999_999_000
