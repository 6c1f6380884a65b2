"""Commands that are done where the aircraft is, those of deliveries, and the paths that surveys were computed into."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lowsky.missions import Mission, UnreadableMission, read

HOME = (47.4, 8.5)
OUT = (47.405, 8.5)
NOWHERE = ((0, 0), (None, None))


def item(command: int, place: tuple[float | None, float | None], altitude: float | None, *params: float) -> Any:
    four = [*params, *([0] * (4 - len(params)))]
    return {"type": "SimpleItem", "command": command, "frame": 3, "params": [*four, *place, altitude]}


TAKE_OFF, GO, RETURN = item(22, (0, 0), 30), item(16, OUT, 30), item(20, (0, 0), 0)


def document(*items: Any, **mission: Any) -> bytes:
    usual = {
        "version": 2,
        "vehicleType": 2,
        "firmwareType": 3,
        "hoverSpeed": 5,
        "cruiseSpeed": 15,
        "plannedHomePosition": [*HOME, 400],
        "items": list(items),
    }
    return json.dumps({"fileType": "Plan", "version": 1, "mission": usual | mission}).encode()


def flown(*items: Any, **mission: Any) -> Mission:
    return read(document(*items, **mission))


def refusal(*items: Any, **mission: Any) -> UnreadableMission:
    with pytest.raises(UnreadableMission) as caught:
        flown(*items, **mission)
    return caught.value


def of_item(mission: Mission, index: int) -> list[tuple[float, float, float]]:
    return [(p.latitude, p.longitude, p.altitude_m) for p in mission.waypoints if p.item == index]


def said(mission: Mission, words: str) -> bool:
    return any(words in sentence for sentence in mission.assumptions)


@pytest.mark.parametrize("place", NOWHERE)
@pytest.mark.parametrize("command", [21, 85])
def test_a_landing_without_a_position_is_where_the_aircraft_is(command: int, place: Any) -> None:
    mission = flown(TAKE_OFF, GO, item(command, place, 0))
    assert of_item(mission, 2) == [(*OUT, 0)]


@pytest.mark.parametrize("place", NOWHERE)
@pytest.mark.parametrize("altitude", [0, None, 45])
def test_a_loiter_without_a_position_is_where_and_as_high_as_the_aircraft_is(
    place: Any, altitude: float | None
) -> None:
    turns = flown(TAKE_OFF, GO, item(18, place, altitude, 2, 0, 12), RETURN)
    assert {(*point[:2],) for point in of_item(turns, 2)} == {OUT}
    assert turns.waypoints[4].altitude_m == (altitude or 30)
    assert max(point.radius_m for point in turns.waypoints) == 12
    waits = flown(TAKE_OFF, GO, item(19, place, altitude, 60), RETURN)
    assert waits.duration_s == pytest.approx(
        flown(TAKE_OFF, item(16, OUT, altitude or 30, 60), RETURN).duration_s, abs=21
    )


@pytest.mark.parametrize("place", NOWHERE)
def test_a_loiter_to_altitude_without_a_position_climbs_where_the_aircraft_is(place: Any) -> None:
    assert of_item(flown(TAKE_OFF, GO, item(31, place, 60), RETURN), 2) == [(*OUT, 60)]


def test_a_loiter_at_no_altitude_on_the_ground_is_refused() -> None:
    assert refusal(item(19, HOME, None, 60), GO).reason == "ALTITUDE_MISSING"


@pytest.mark.parametrize("command", [16, 82])
def test_a_waypoint_without_a_position_is_a_mistake(command: int) -> None:
    assert refusal(TAKE_OFF, GO, item(command, (0, 0), 30)).reason == "ZERO_POSITION"


@pytest.mark.parametrize("command", [42600, 211, 183, 184, 187, 181, 216, 80, 198, 215, 2510])
def test_what_works_a_payload_does_not_move_the_aircraft(command: int) -> None:
    with_it = flown(TAKE_OFF, GO, item(command, (0, 0), 0, 1, 1, 10), RETURN)
    without = flown(TAKE_OFF, GO, RETURN)
    assert [point[:2] for point in map(_where, with_it.waypoints)] == [p[:2] for p in map(_where, without.waypoints)]
    assert with_it.duration_s == without.duration_s
    assert said(with_it, "(winch) the load hangs below") is (command == 42600)


def _where(point: Any) -> tuple[float, float, float]:
    return point.latitude, point.longitude, point.altitude_m


@pytest.mark.parametrize(
    ("action", "reason"), [(0, None), (1, None), (2, "PARACHUTE_RELEASE"), (7, "PARACHUTE_RELEASE")]
)
def test_a_parachute_is_armed_but_not_released_by_plan(action: int, reason: str | None) -> None:
    items = (TAKE_OFF, GO, item(208, (0, 0), 0, action), RETURN)
    if reason:
        assert refusal(*items).reason == reason
    else:
        assert flown(*items).duration_s == flown(TAKE_OFF, GO, RETURN).duration_s


@pytest.mark.parametrize(("limit", "low"), [(0, 0), (500, 0), (15, 10)])
def test_a_payload_is_placed_by_coming_down_and_climbing_again(limit: float, low: float) -> None:
    there = (47.41, 8.5)
    mission = flown(TAKE_OFF, GO, item(94, there, 25, limit), RETURN)
    assert of_item(mission, 2) == [(*there, 25), (*there, low), (*there, 25)]
    assert said(mission, f"comes down to {low} m")


@pytest.mark.parametrize("place", NOWHERE)
def test_a_payload_without_a_position_is_placed_where_the_aircraft_is(place: Any) -> None:
    assert of_item(flown(TAKE_OFF, GO, item(94, place, 0), RETURN), 2) == [(*OUT, 0), (*OUT, 30)]


def test_a_climb_on_the_way_goes_straight_on_until_the_altitude_is_reached() -> None:
    """30 m at 3 m/s are 10 s, in which the aircraft flies 50 m further north: 0.00045 degrees."""
    mission = flown(TAKE_OFF, GO, item(30, (0, 0), 60, 1), RETURN)
    ((latitude, longitude, altitude_m),) = of_item(mission, 2)
    assert latitude == pytest.approx(OUT[0] + 0.00045, abs=1e-6)
    assert (longitude, altitude_m) == (OUT[1], 60)
    arrived, climbed = mission.waypoints[2], mission.waypoints[3]
    assert climbed.offset_s - arrived.offset_s == pytest.approx(10, abs=0.01)


def test_a_climb_on_the_way_without_a_way_is_on_the_spot_and_not_from_the_ground() -> None:
    assert of_item(flown(TAKE_OFF, item(30, (0, 0), 60), GO, RETURN), 1) == [(*HOME, 60)]
    assert refusal(item(30, (0, 0), 60), GO).reason == "CLIMB_ON_GROUND"


@pytest.mark.parametrize(
    ("command", "words"),
    [(179, "MAV_CMD_DO_SET_HOME (179)"), (186, "MAV_CMD_DO_CHANGE_ALTITUDE (186)"), (31999, "31999")],
)
def test_a_refusal_names_the_command_in_words(command: int, words: str) -> None:
    found = refusal(TAKE_OFF, GO, item(command, (0, 0), 0))
    assert (found.reason, found.item) == ("UNSUPPORTED_COMMAND", 2)
    assert words in found.message


def survey(*items: Any, kind: str = "survey", version: int = 5, shared: int = 1) -> Any:
    inner = {"version": shared, "Items": list(items)}
    return {"type": "ComplexItem", "complexItemType": kind, "version": version, "TransectStyleComplexItem": inner}


ROWS = [item(16, (47.405, 8.5 + 0.001 * n), 50) for n in range(4)]


@pytest.mark.parametrize(("kind", "version"), [("survey", 5), ("survey", 4), ("CorridorScan", 2)])
def test_a_survey_is_flown_as_the_items_that_it_was_computed_into(kind: str, version: int) -> None:
    camera = item(206, (0, 0), 0, 25)
    complex_ = flown(TAKE_OFF, survey(ROWS[0], camera, *ROWS[1:], kind=kind, version=version), RETURN)
    simple = flown(TAKE_OFF, *ROWS, RETURN)
    assert [_where(p) for p in complex_.waypoints] == [_where(p) for p in simple.waypoints]
    assert complex_.duration_s == simple.duration_s
    assert [point.item for point in complex_.waypoints[2:6]] == [1, 1, 1, 1]


def test_jumps_count_the_items_of_a_survey_too() -> None:
    rows = [{**row, "doJumpId": 2 + n} for n, row in enumerate(ROWS)]
    jump = item(177, (0, 0), 0, 3, 1)
    mission = flown({**TAKE_OFF, "doJumpId": 1}, survey(*rows), {**jump, "doJumpId": 6}, {**RETURN, "doJumpId": 7})
    longitudes = [round(point.longitude - 8.5, 3) for point in mission.waypoints[2:-2]]
    assert longitudes == [0, 0.001, 0.002, 0.003, 0.001, 0.002, 0.003]


def test_an_item_of_a_survey_that_is_refused_is_found() -> None:
    found = refusal(TAKE_OFF, survey(ROWS[0], item(16, (91, 8), 50)), RETURN)
    assert (found.reason, found.item) == ("COORDINATES_OUT_OF_RANGE", 1)
    assert found.field == "mission.items[1].TransectStyleComplexItem.Items[1].params"


@pytest.mark.parametrize("broken", [survey(), survey(ROWS[0], version=9), survey(ROWS[0], shared=3), survey(survey())])
def test_a_survey_without_a_path_or_in_a_layout_that_is_not_known_is_refused(broken: Any) -> None:
    found = refusal(TAKE_OFF, broken, RETURN)
    assert found.reason in ("COMPLEX_ITEM", "UNSUPPORTED_ITEM")
    assert (found.field or "").startswith("mission.items[1]")


def test_surveys_count_for_the_most_items_that_a_mission_may_have() -> None:
    assert refusal(TAKE_OFF, *[survey(*[ROWS[0]] * 5000)] * 3).reason == "TOO_MANY_ITEMS"
