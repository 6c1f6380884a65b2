"""Times that are times and texts that can be stored, at both sides of each edge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from lowsky.api.airspace.v1 import geozones_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2
from lowsky.api.registration.v1 import identifiers_pb2, operators_pb2
from lowsky.errors import Invalid
from lowsky.rpc.validation import validate
from lowsky.rpc.wellformed import malformed


@pytest.mark.parametrize(
    ("seconds", "nanos", "well"),
    [
        (-62_135_596_800, 0, True),
        (-62_135_596_801, 0, False),
        (253_402_300_799, 999_999_999, True),
        (253_402_300_800, 0, False),
        (0, -1, False),
        (0, 1_000_000_000, False),
    ],
)
def test_a_time_lies_between_the_years_1_and_9999(seconds: int, nanos: int, well: bool) -> None:
    time = Timestamp(seconds=seconds, nanos=nanos)
    message = operators_pb2.CreateOperatorRequest(operator=operators_pb2.Operator(insurance_expire_time=time))
    found = [violation.field for violation in malformed(message)]
    assert found == ([] if well else ["operator.insurance_expire_time"])


@pytest.mark.parametrize(
    ("seconds", "nanos", "well"),
    [
        (315_576_000_000, 0, True),
        (315_576_000_001, 0, False),
        (-1, -999_999_999, True),
        (1, -1, False),
        (0, 1_000_000_000, False),
    ],
)
def test_a_duration_is_one(seconds: int, nanos: int, well: bool) -> None:
    plan = flight_plans_pb2.FlightPlan(endurance=Duration(seconds=seconds, nanos=nanos))
    message = flight_plans_pb2.SubmitFlightPlanRequest(flight_plan=plan)
    assert [violation.field for violation in malformed(message)] == ([] if well else ["flight_plan.endurance"])


def test_a_text_holds_no_nul_wherever_it_stands() -> None:
    message = operators_pb2.CreateOperatorRequest(
        request_id="a\0",
        operator=operators_pb2.Operator(
            identifiers=[
                identifiers_pb2.Identifier(value="well"),
                identifiers_pb2.Identifier(value="\0"),
            ],
        ),
    )
    assert [violation.field for violation in malformed(message)] == ["request_id", "operator.identifiers[1].value"]


def test_the_values_of_a_map_are_looked_at() -> None:
    header = next(
        field.message_type
        for field in geozones_pb2.ImportGeozonesRequest.DESCRIPTOR.fields
        if field.message_type and "authority_names" in field.message_type.fields_by_name
    )
    message = getattr(geozones_pb2, header.name)(authority_names={"well": "authorities/a", "ill": "\0"})
    assert [violation.field for violation in malformed(message)] == ['authority_names["ill"]']


def test_the_path_of_a_field_stays_short_whatever_the_key() -> None:
    message = geozones_pb2.ImportGeozonesRequest()
    message.header.authority_names["k" * 100_000] = "not a name"
    with pytest.raises(Invalid) as refused:
        validate(message)
    assert max(len(violation.field) for violation in refused.value.fields) < 200
    assert len(refused.value.message) < 1_000


def test_what_is_malformed_is_told_before_any_rule_and_within_its_path() -> None:
    operator = operators_pb2.Operator(display_name="\0")
    with pytest.raises(Invalid) as refused:
        validate(operator, within="operator")
    assert [violation.field for violation in refused.value.fields] == ["operator.display_name"]
    assert "\0" not in refused.value.message


def texts_of(message: Message, path: str = "", depth: int = 3) -> Iterator[tuple[str, Callable[[], None]]]:
    """Each text that a message may hold down to some depth, and how to spoil it."""
    for field in message.DESCRIPTOR.fields:
        here, value = path + field.name, getattr(message, field.name)
        if field.type == field.TYPE_STRING:
            if field.is_repeated:
                yield f"{here}[0]", partial(value.append, "\0")
            else:
                yield here, partial(setattr, message, field.name, "a\0")
        elif field.message_type and not field.message_type.GetOptions().map_entry and depth:
            inner = value.add() if field.is_repeated else value
            inner.SetInParent()
            yield from texts_of(inner, f"{here}[0]." if field.is_repeated else f"{here}.", depth - 1)


def test_every_text_of_a_request_is_looked_at() -> None:
    paths = [path for path, _ in texts_of(flight_plans_pb2.SubmitFlightPlanRequest())]
    assert {"request_id", "flight_plan.findings[0].subject", "flight_plan.notified_authorities[0]"} <= set(paths)
    for number, path in enumerate(paths):
        message = flight_plans_pb2.SubmitFlightPlanRequest()
        _, spoil = list(texts_of(message))[number]
        spoil()
        assert [violation.field for violation in malformed(message, output_allowed=True)] == [path]


def test_what_only_the_server_says_is_refused_by_its_own_field_however_much_it_holds() -> None:
    plan = flight_plans_pb2.FlightPlan(state=flight_plans_pb2.STATE_APPROVED, reference="well")
    for _ in range(10_000):
        plan.findings.add(subject="\0")
    message = flight_plans_pb2.SubmitFlightPlanRequest(flight_plan=plan)
    assert {violation.field for violation in malformed(message)} == {"flight_plan.state", "flight_plan.findings"}
    given = operators_pb2.UpdateOperatorRequest(operator=operators_pb2.Operator(name="operators/a", state_reason="r"))
    assert malformed(given) == [], "an update gives a resource as it was read: its mask says what counts"


def test_a_list_that_is_too_long_is_not_looked_through() -> None:
    message = flight_plans_pb2.SubmitFlightPlanRequest()
    for _ in range(501):
        message.flight_plan.volumes.volumes.add().time_start.seconds = 10**15
    (violation,) = malformed(message)
    assert (violation.field, violation.message) == (
        "flight_plan.volumes.volumes",
        "must contain no more than 500 items",
    )
