"""What the views of compacted topics make of unreadable events and of tombstones."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from lowsky.api.airspace.v1 import authorities_pb2
from lowsky.api.events.v1 import events_pb2
from lowsky.api.registration.v1 import aircraft_pb2, operators_pb2
from lowsky.events.event import Event, from_record
from lowsky.flightplans.events.authorities import OnAuthorities
from lowsky.flightplans.events.registrations import OnOperators
from lowsky.flightplans.projections.areas import Areas
from lowsky.flightplans.projections.standing import Standing
from tests.unit.flightplans.flights import DRONE, NOW, OPERATOR, PORT, TOWER

GARBAGE = b"\xff\xff"


def tombstone(key: str, type_: str) -> Event:
    return Event("t", key, type_, None, NOW)


def by_hand(key: str, _: str) -> Event:
    """As kafka-console-producer writes it: a key, and no headers."""
    return from_record("t", key.encode(), None, [])


Removal = Callable[[str, str], Event]
removals = pytest.mark.parametrize("removal", [tombstone, by_hand])


def authority(name: str, *corners: tuple[float, float]) -> Event:
    message = authorities_pb2.Authority(name=name, display_name=name, country="CHN")
    if corners:
        shell = message.area.polygons.add().shell
        for longitude, latitude in corners:
            shell.vertices.add(longitude=longitude, latitude=latitude)
    return Event(
        "t", name, "lowsky.authority.updated.v1", events_pb2.AuthorityEvent(authority=message).SerializeToString(), NOW
    )


HERE = ((113.0, 22.0), (113.1, 22.0), (113.1, 22.1), (113.0, 22.1))


@removals
def test_a_tombstone_clears_an_authority_that_was_not_understood_and_its_area_is_gone(removal: Removal) -> None:
    areas = Areas()
    on_authorities = OnAuthorities(areas)
    for name in (TOWER, PORT):
        on_authorities(authority(name, *HERE), {})
        on_authorities(Event("t", name, "lowsky.authority.updated.v1", GARBAGE, NOW), {})
    assert TOWER in str(areas.problem)
    assert "tombstone" in str(areas.problem)
    on_authorities(removal(TOWER, "lowsky.authority.removed.v1"), {})
    assert TOWER not in str(areas.problem)
    assert PORT in str(areas.problem)
    on_authorities(authority(PORT, *HERE), {})
    assert areas.problem is None
    assert [area.authority for area in areas.index.areas] == [PORT]
    assert areas.authority(TOWER) is None


@removals
async def test_operators_and_aircraft_that_were_removed_are_unknown(removal: Removal) -> None:
    standing = Standing()
    on_operators = OnOperators(standing)
    operator = operators_pb2.Operator(name=OPERATOR, state=operators_pb2.Operator.STATE_VERIFIED)
    aircraft = aircraft_pb2.Aircraft(name=DRONE, state=aircraft_pb2.Aircraft.STATE_ACTIVE)
    learnt = (
        Event(
            "t",
            OPERATOR,
            "lowsky.operator.verified.v1",
            events_pb2.OperatorEvent(operator=operator).SerializeToString(),
            NOW,
        ),
        Event(
            "t",
            DRONE,
            "lowsky.aircraft.updated.v1",
            events_pb2.AircraftEvent(aircraft=aircraft).SerializeToString(),
            NOW,
        ),
    )
    for event in learnt:
        on_operators(event, {})
    assert standing.is_fit(OPERATOR, DRONE)
    on_operators(removal(DRONE, "lowsky.aircraft.removed.v1"), {})
    assert standing.aircraft(DRONE) is None
    on_operators(removal(OPERATOR, "lowsky.operator.removed.v1"), {})
    assert standing.operator(OPERATOR) is None


async def test_an_operator_that_was_not_understood_is_known_again_by_its_next_event() -> None:
    standing = Standing()
    on_operators = OnOperators(standing)
    operator = operators_pb2.Operator(name=OPERATOR, state=operators_pb2.Operator.STATE_VERIFIED)
    verified = events_pb2.OperatorEvent(operator=operator).SerializeToString()
    for value, known in ((verified, True), (GARBAGE, False), (verified, True)):
        on_operators(Event("t", OPERATOR, "lowsky.operator.updated.v1", value, NOW), {})
        assert (standing.operator(OPERATOR) is not None) is known


BOW_TIES = ((0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)), ((0.2, 0.0), (1.2, 1.0), (1.2, 0.0), (0.2, 1.0))
NAN = ((113.0, 22.0), (math.nan, 22.0), (113.1, 22.1))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of numpy and shapely, which the event is handed to
@pytest.mark.parametrize("rings", [BOW_TIES[:1], BOW_TIES, (NAN,)], ids=["a bow tie", "two of them", "not a number"])
def test_an_area_that_cannot_be_one_is_not_passed_over(rings: tuple[tuple[tuple[float, float], ...], ...]) -> None:
    """Whatever it is that does not understand it: with its area of before, plans would be decided that the authority
    has to decide by now."""
    areas = Areas()
    on_authorities = OnAuthorities(areas)
    on_authorities(authority(TOWER, *HERE), {})
    message = authorities_pb2.Authority(name=TOWER, display_name=TOWER, country="CHN")
    for ring in rings:
        shell = message.area.polygons.add().shell
        for longitude, latitude in ring:
            shell.vertices.add(longitude=longitude, latitude=latitude)
    value = events_pb2.AuthorityEvent(authority=message).SerializeToString()
    on_authorities(Event("t", TOWER, "lowsky.authority.updated.v1", value, NOW), {})
    assert TOWER in str(areas.problem)
