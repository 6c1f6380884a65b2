"""Mission files of our own, as odd as those of ground stations: each is read or refused as its row says."""

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest

from lowsky.missions import Mission, UnreadableMission, read
from tests.support.samples import SAMPLES, expected

MISSIONS = SAMPLES / "missions"
TABLE = expected("missions")
READ = [name for name, row in TABLE.items() if "reason" not in row]
REFUSED = [name for name in TABLE if name not in READ]
OF_EVERY_MISSION = 2
"""Sentences: where it takes off, and how it climbs."""


@pytest.mark.parametrize("name", READ)
def test_a_mission_of_the_samples_is_read_as_its_row_says(name: str) -> None:
    row, mission = TABLE[name], read(MISSIONS / name)
    assert (mission.vehicle, mission.takeoff_amsl_m) == (row["vehicle"], row["take_off_amsl_m"])
    heights_m = [point.altitude_m for point in mission.waypoints]
    assert (max(heights_m), heights_m[-1], len(heights_m)) == (row["highest_m"], row["last_m"], row["points"])
    assert max(point.radius_m for point in mission.waypoints) == row.get("radius_m", 0)
    sentences = mission.assumptions[OF_EVERY_MISSION:]
    assert [part for part, said in zip(row["says"], sentences, strict=True) if part not in said] == []


@pytest.mark.parametrize("name", READ)
def test_a_mission_of_the_samples_passes_each_of_its_positions_in_order(name: str) -> None:
    mission = read(MISSIONS / name)
    passed = iter((point.latitude, point.longitude) for point in mission.waypoints)
    assert [place for place in places(json.loads((MISSIONS / name).read_text())) if place not in passed] == []
    offsets = [point.offset_s for point in mission.waypoints]
    assert offsets == sorted(set(offsets)), "offsets strictly increase"
    assert (offsets[0], offsets[-1]) == (0.0, mission.duration_s)


@pytest.mark.parametrize("name", READ)
def test_a_mission_of_the_samples_is_the_same_from_its_bytes(name: str) -> None:
    assert read(MISSIONS / name) == read((MISSIONS / name).read_bytes(), name)


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_of_the_samples_is_refused_as_its_row_says(name: str) -> None:
    row = TABLE[name]
    with pytest.raises(UnreadableMission) as caught:
        read(MISSIONS / name)
    assert (caught.value.reason, caught.value.field) == (row["reason"], row.get("field"))
    assert row.get("message", "") in caught.value.message


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_of_the_samples_is_refused_by_its_contents_too(name: str) -> None:
    row = TABLE[name]
    with pytest.raises(UnreadableMission) as caught:
        read((MISSIONS / name).read_bytes())
    assert caught.value.reason == row.get("contents", row["reason"])


def test_a_change_of_speed_holds_from_its_item_on() -> None:
    mission = read(MISSIONS / "camera-speed-and-return.plan")
    speeds = [speed for speed in speeds_m_s(mission) if speed]
    assert speeds[:3] == pytest.approx([5, 5, 8], rel=0.01)


def speeds_m_s(mission: Mission) -> Iterator[float]:
    """Over ground, of each leg, on a sphere."""
    for a, b in zip(mission.waypoints, mission.waypoints[1:], strict=False):
        east = math.radians(b.longitude - a.longitude) * math.cos(math.radians(a.latitude))
        yield 6_371_000 * math.hypot(east, math.radians(b.latitude - a.latitude)) / (b.offset_s - a.offset_s)


def places(plan: Any) -> Iterator[tuple[float, float]]:
    """Where the items say that the aircraft flies to, those of surveys too; 0/0 is wherever it is."""
    for raw in plan["mission"]["items"]:
        for item in raw["TransectStyleComplexItem"]["Items"] if raw["type"] == "ComplexItem" else [raw]:
            latitude, longitude = item["coordinate"][:2] if "coordinate" in item else item["params"][4:6]
            if item["frame"] != 2 and (latitude, longitude) != (0, 0):
                yield latitude, longitude
