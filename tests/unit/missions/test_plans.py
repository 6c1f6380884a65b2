"""Plans are flown as their autopilots would fly them, or refused with a reason, the item and the field."""

import json
import math
from typing import Any

import pytest

from lowsky.missions import Mission, UnreadableMission, read

HOME = (47.4, 8.5)
AMSL = 0
TAKEOFF = 3


def item(
    command: int,
    place: tuple[float | None, float | None] = (0, 0),
    altitude: float | None = 0,
    *params: float | None,
    frame: int = TAKEOFF,
    **more: object,
) -> dict[str, Any]:
    """A simple item; `params` are parameters 1 to 4."""
    four = [*params, *([0] * (4 - len(params)))]
    return {
        "type": "SimpleItem",
        "command": command,
        "frame": frame,
        "params": [*four, *place, altitude],
        **more,
    }


def take_off(altitude: float = 30, place: tuple[float, float] = HOME, **more: Any) -> dict[str, Any]:
    return item(22, place, altitude, **more)


def go(north_deg: float, altitude: float = 30, hold: float = 0, **more: Any) -> dict[str, Any]:
    """A waypoint north of home."""
    return item(16, (HOME[0] + north_deg, HOME[1]), altitude, hold, **more)


def plan(*items: object, **mission: object) -> dict[str, Any]:
    """A multicopter's plan at 5 m/s with the items; keyword arguments replace keys of the mission."""
    return {
        "fileType": "Plan",
        "version": 1,
        "mission": {
            "version": 2,
            "vehicleType": 2,
            "firmwareType": 12,
            "hoverSpeed": 5,
            "cruiseSpeed": 15,
            "plannedHomePosition": [*HOME, 400],
            "items": list(items),
            **mission,
        },
    }


def flown(*items: object, **mission: object) -> Mission:
    return read(json.dumps(plan(*items, **mission)).encode())


def refusal(source: object, filename: str | None = None) -> UnreadableMission:
    data = source if isinstance(source, bytes) else json.dumps(source).encode()
    with pytest.raises(UnreadableMission) as caught:
        read(data, filename)
    return caught.value


def heights(mission: Mission) -> list[tuple[float, str]]:
    return [(point.altitude_m, point.datum) for point in mission.waypoints]


def assumed(mission: Mission, words: str) -> bool:
    return any(words in sentence for sentence in mission.assumptions)


# 0.001 degrees are 111.19 m.
LEG_S = 111.19 / 5


def test_a_multicopter_climbs_on_the_spot_flies_its_legs_and_lands() -> None:
    mission = flown(take_off(30), go(0.001), item(21, (HOME[0] + 0.001, HOME[1]), 0))
    assert heights(mission) == [(0, "TAKEOFF"), (30, "TAKEOFF"), (30, "TAKEOFF"), (0, "TAKEOFF")]
    assert [point.item for point in mission.waypoints] == [-1, 0, 1, 2]
    expected = [0, 10, 10 + LEG_S, 10 + LEG_S + 20]
    assert [point.offset_s for point in mission.waypoints] == pytest.approx(expected, abs=0.01)
    assert mission.duration_s == mission.waypoints[-1].offset_s
    assert mission.takeoff_amsl_m == 400


def test_a_hold_and_a_delay_keep_the_position_for_their_time() -> None:
    without = flown(take_off(), go(0.001), go(0.002))
    held = flown(take_off(), go(0.001, hold=25), item(93, (0, 0), 0, 5), go(0.002))
    assert held.duration_s == pytest.approx(without.duration_s + 30)
    assert len({(p.latitude, p.longitude) for p in held.waypoints if p.item in (1, 2)}) == 1


def test_a_speed_change_counts_from_its_place_on() -> None:
    mission = flown(take_off(), go(0.001), item(178, (0, 0), 0, 1, 10, frame=2), go(0.002))
    offsets = [point.offset_s for point in mission.waypoints]
    assert offsets[3] - offsets[2] == pytest.approx((offsets[2] - offsets[1]) / 2, rel=1e-4)


def test_the_slower_of_the_horizontal_and_the_vertical_part_sets_the_time() -> None:
    mission = flown(take_off(30), go(0.001, 120), item(178, (0, 0), 0, 2, 9, frame=2), go(0.001, 210))
    offsets = [point.offset_s for point in mission.waypoints]
    assert offsets[2] - offsets[1] == pytest.approx(30)
    assert offsets[3] - offsets[2] == pytest.approx(10)


@pytest.mark.parametrize(
    ("frame", "datum"),
    [(0, "AMSL"), (5, "AMSL"), (3, "TAKEOFF"), (6, "TAKEOFF"), (10, "AGL"), (11, "AGL")],
)
def test_the_frame_decides_the_datum(frame: int, datum: str) -> None:
    mission = flown(take_off(430, frame=AMSL), go(0.001, 450, frame=frame))
    assert mission.waypoints[-1].datum == datum


def test_a_sea_level_climb_counts_from_the_home_elevation() -> None:
    assert flown(take_off(430, frame=AMSL), go(0.001, 430, frame=AMSL)).waypoints[1].offset_s == pytest.approx(10)


@pytest.mark.parametrize("home", [None, [0, 0, 0], [*HOME, 0], [*HOME, None], [*HOME]])
def test_a_missing_home_elevation_is_said_and_never_taken_for_sea_level(home: object) -> None:
    mission = flown(take_off(430, frame=AMSL), go(0.001, 430, frame=AMSL), plannedHomePosition=home)
    assert mission.takeoff_amsl_m is None
    assert assumed(mission, "does not give the take-off ground above sea level")
    assert assumed(mission, "unknown and counted as 30 s")
    assert (mission.waypoints[0].latitude, mission.waypoints[0].longitude) == HOME


def test_a_return_climbs_flies_home_and_comes_down() -> None:
    mission = flown(take_off(20), go(0.001, 20), item(20, frame=2))
    assert heights(mission)[2:] == [(20, "TAKEOFF"), (60, "TAKEOFF"), (60, "TAKEOFF"), (0, "TAKEOFF")]
    assert (mission.waypoints[-1].latitude, mission.waypoints[-1].longitude) == HOME
    assert assumed(mission, "flies home at 60 m above take-off")


def test_a_return_stays_as_high_as_it_flew_and_takes_the_altitude_that_the_operator_knows() -> None:
    items = (take_off(90), go(0.001, 90), item(20, frame=2))
    assert max(height for height, _ in heights(flown(*items))) == 90
    mission = read(json.dumps(plan(*items)).encode(), return_altitude_m=110)
    assert max(height for height, _ in heights(mission)) == 110


def test_nothing_after_a_return_is_flown_and_that_is_said() -> None:
    mission = flown(take_off(), go(0.001), item(20, frame=2), go(0.009))
    assert mission.waypoints[-1].item == 2
    assert assumed(mission, "Nothing after item 3")


def test_a_delivery_lands_waits_and_climbs_again_where_it_landed() -> None:
    pad = (HOME[0] + 0.001, HOME[1])
    mission = flown(
        take_off(), item(21, pad), item(211, frame=2), item(93, (0, 0), 0, 60), take_off(), item(20, frame=2)
    )
    at_pad = [p for p in mission.waypoints if (p.latitude, p.longitude) == pad]
    assert [p.altitude_m for p in at_pad] == [30, 0, 0, 30]
    assert at_pad[2].offset_s - at_pad[1].offset_s == pytest.approx(60)
    assert assumed(mission, "takes off again where it landed")


def test_a_take_off_without_position_climbs_at_home() -> None:
    for nowhere in ((0, 0), (None, None)):
        mission = flown(item(22, nowhere, 30), go(0.001))
        assert (mission.waypoints[1].latitude, mission.waypoints[1].altitude_m) == (HOME[0], 30)


def test_a_fixed_wing_climbs_along_its_leg_at_cruise_speed() -> None:
    mission = flown(take_off(30, (HOME[0] + 0.005, HOME[1])), go(0.01), vehicleType=1)
    assert len(mission.waypoints) == 3
    assert mission.waypoints[1].offset_s == pytest.approx(5 * 111.19 / 15, abs=0.01)
    assert assumed(mission, "climbs and descends along its legs")


def test_a_vtol_cruises_between_its_transitions() -> None:
    mission = flown(item(84, HOME, 30), go(0.001), item(3000, (0, 0), 0, 3, frame=2), go(0.002), vehicleType=20)
    offsets = [point.offset_s for point in mission.waypoints]
    assert offsets[2] - offsets[1] == pytest.approx(111.19 / 15, abs=0.01)
    assert offsets[3] - offsets[2] == pytest.approx(111.19 / 5, abs=0.01)


def test_loiters_tell_their_time_and_their_radius() -> None:
    there = (HOME[0] + 0.001, HOME[1])
    turns = flown(take_off(), item(18, there, 30, 2, 0, -50), vehicleType=1)
    assert turns.waypoints[-1].radius_m == 50
    assert turns.waypoints[-1].offset_s - turns.waypoints[-2].offset_s == pytest.approx(2 * math.tau * 50 / 15)
    timed = flown(take_off(), item(19, there, 30, 40, 0, 0), vehicleType=1)
    assert timed.waypoints[-1].offset_s - timed.waypoints[-2].offset_s == pytest.approx(40)
    assert timed.waypoints[-1].radius_m == 80
    hovering = flown(take_off(), item(19, there, 30, 40, 0, 0))
    assert hovering.waypoints[-1].radius_m == 0


def test_a_loiter_to_altitude_changes_height_at_its_point() -> None:
    mission = flown(take_off(30), item(31, (HOME[0] + 0.001, HOME[1]), 90, 1, 50))
    assert heights(mission)[-2:] == [(30, "TAKEOFF"), (90, "TAKEOFF")]


def test_a_finite_jump_is_flown_as_often_as_it_says() -> None:
    mission = flown(
        take_off(doJumpId=7),
        go(0.001, doJumpId=8),
        go(0.002, doJumpId=9),
        item(177, (0, 0), 0, 8, 2, frame=2),
        go(0.003),
    )
    assert [point.item for point in mission.waypoints] == [-1, 0, 1, 2, 1, 2, 1, 2, 4]


def test_the_older_form_with_a_coordinate_is_read_alike() -> None:
    older = [take_off(), go(0.001)]
    for raw in older:
        raw["coordinate"], raw["params"] = raw["params"][4:], [*raw["params"][:3], None]
    assert flown(*older) == flown(take_off(), go(0.001))


def test_a_landing_without_altitude_ends_on_the_ground() -> None:
    mission = flown(take_off(430, frame=AMSL), item(21, HOME, None, frame=AMSL))
    assert heights(mission)[-1] == (0, "TAKEOFF")


def test_what_the_file_leaves_open_is_told() -> None:
    mission = flown(go(0.001), hoverSpeed=None, vehicleType=None)
    assert assumed(mission, "a multicopter is assumed")
    assert assumed(mission, "no hover speed: 5 m/s is assumed")
    assert assumed(mission, "The mission has no take-off")
    assert assumed(mission, "does not land")


@pytest.mark.parametrize(("count", "reads"), [(1_998, True), (1_999, False)])
def test_a_mission_has_at_most_two_thousand_waypoints(count: int, reads: bool) -> None:
    items = [take_off(), *(go(0.0001 * (1 + i % 2)) for i in range(count))]
    if reads:
        assert len(flown(*items).waypoints) == 2_000
    else:
        assert refusal(plan(*items)).reason == "TOO_MANY_WAYPOINTS"


def test_a_byte_order_mark_and_brackets_in_texts_do_no_harm() -> None:
    document = plan(take_off(), go(0.001)) | {"note": "[" * 99 + '\\"'}
    assert read(b"\xef\xbb\xbf" + json.dumps(document).encode()) == flown(take_off(), go(0.001))


def test_nan_where_a_parameter_is_unused_counts_as_null() -> None:
    assert flown(take_off(), item(16, HOME, 40, 0, 0, 0, math.nan)) == flown(take_off(), item(16, HOME, 40))
