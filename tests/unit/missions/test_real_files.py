"""Files from the test suites of PX4, MAVSDK and QGroundControl are read, or refused for the right reason."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lowsky.missions import UnreadableMission, read
from tests.support.samples import PUBLIC

MISSIONS = PUBLIC / "missions"

READ = {
    "mavsdk/qgroundcontrol_sample.plan": ("MULTICOPTER", 488.931),
    "mavsdk/qgroundcontrol_sample_with_survey.plan": ("MULTICOPTER", 483.426),
    "px4/FW_mission_1.plan": ("FIXED_WING", 489.0),
    "px4/MC_mission_box.plan": ("MULTICOPTER", 488.0),
    "px4/MC_safe_landing.plan": ("MULTICOPTER", 489.0),
    "px4/VTOL_mission_1.plan": ("VTOL", 489.0),
    "px4/avoidance.plan": ("MULTICOPTER", 487.923),
    "px4/multicopter_mission_geofence_avoid.plan": ("MULTICOPTER", 489.338),
    "px4/triangle_gripper_package_delivery.plan": ("MULTICOPTER", 483.379),
    "px4/vtol_mission.plan": ("VTOL", 489.002),
    "qgroundcontrol/SectionTest.plan": ("MULTICOPTER", 20.0),
}
REFUSED = {
    "kml/PolygonAreaTest.kml": "UNSUPPORTED_FORMAT",
    "kml/PolygonBadCoordinatesNode.kml": "UNSUPPORTED_FORMAT",
    "kml/PolygonBadXml.kml": "UNSUPPORTED_FORMAT",
    "kml/PolygonGood.kml": "UNSUPPORTED_FORMAT",
    "kml/PolygonMissingNode.kml": "UNSUPPORTED_FORMAT",
    "mavsdk/mission_planner_sample.txt": "UNSUPPORTED_FORMAT",
    "mavsdk/qgroundcontrol_sample_with_digicam_control.plan": "NO_WAYPOINT",
    "mavsdk/qgroundcontrol_sample_with_structured_scan.plan": "COMPLEX_ITEM",
    "mavsdk/qgroundcontrol_sample_with_survey_missing_items.plan": "COMPLEX_ITEM",
    "mavsdk/qgroundcontrol_sample_with_survey_wrong_version.plan": "COMPLEX_ITEM",
    "mavsdk/qgroundcontrol_sample_without_mission.plan": "MISSING_MISSION",
    "mavsdk/qgroundcontrol_sample_wrong_mission_version.plan": "WRONG_MISSION_VERSION",
    "mavsdk/qgroundcontrol_sample_wrong_overall_version.plan": "WRONG_PLAN_VERSION",
    "px4/VTOL_TAKEOFF.mission": "UNSUPPORTED_FORMAT",
    "px4/rover_mission_1.plan": "UNSUPPORTED_VEHICLE",
    "qgroundcontrol/100Waypoints.mission": "UNSUPPORTED_FORMAT",
    "qgroundcontrol/800Waypoints.mission": "UNSUPPORTED_FORMAT",
    "qgroundcontrol/MissionPlanner.waypoints": "UNSUPPORTED_FORMAT",
    "qgroundcontrol/MissionPlanner.waypoints.txt": "UNSUPPORTED_FORMAT",
    "qgroundcontrol/OldFileFormat.mission": "UNSUPPORTED_FORMAT",
}


CASES = {
    "mission-continue-and-change-alt-30.plan": 60,
    "mission-land-here-lat0-lon0.plan": 30,
    "mission-loiter-to-alt-here-lat0-lon0.plan": 60,
    "mission-loiter-turns-here-lat0-lon0.plan": 30,
    "mission-payload-place-94.plan": 30,
    "mission-winch-42600.plan": 30,
}
"""How high above take-off each of them flies."""


def simple_items(path: Path) -> Iterator[dict[str, Any]]:
    """Those of surveys too."""
    for raw in json.loads(path.read_text())["mission"]["items"]:
        yield from raw["TransectStyleComplexItem"]["Items"] if raw["type"] == "ComplexItem" else [raw]


def real(name: str) -> Path:
    path = MISSIONS / name
    if not path.exists():
        pytest.skip(f"no real mission: {path} is absent")
    return path


def test_every_real_file_is_accounted_for() -> None:
    if not MISSIONS.is_dir():
        pytest.skip(f"no real missions: {MISSIONS} is absent")
    found = {path.relative_to(MISSIONS).as_posix() for path in MISSIONS.rglob("*") if path.is_file()}
    assert found == READ.keys() | REFUSED.keys()


@pytest.mark.parametrize("name", READ)
def test_a_real_plan_is_read(name: str) -> None:
    path = real(name)
    mission = read(path)
    vehicle, takeoff_amsl_m = READ[name]
    assert mission.vehicle == vehicle
    assert mission.takeoff_amsl_m == pytest.approx(takeoff_amsl_m, abs=0.001)
    offsets = [point.offset_s for point in mission.waypoints]
    assert offsets == sorted(set(offsets)), "offsets strictly increase"
    assert offsets[0] == 0.0
    assert offsets[-1] == mission.duration_s
    assert mission == read(path.read_bytes(), path.name)


@pytest.mark.parametrize("name", READ)
def test_a_real_plan_passes_each_of_its_positions(name: str) -> None:
    path = real(name)
    passed = {(point.latitude, point.longitude) for point in read(path).waypoints}
    for raw in simple_items(path):
        latitude, longitude = raw["coordinate"][:2] if "coordinate" in raw else raw["params"][4:6]
        if raw["frame"] != 2:
            assert (latitude, longitude) in passed


@pytest.mark.parametrize("name", REFUSED)
def test_a_real_file_is_refused_with_its_reason(name: str) -> None:
    with pytest.raises(UnreadableMission) as caught:
        read(real(name))
    assert caught.value.reason == REFUSED[name]


# These two are no XML either, and were made to be so.
BROKEN = ("kml/PolygonBadCoordinatesNode.kml", "kml/PolygonBadXml.kml")
OTHERS = [name for name, reason in REFUSED.items() if reason == "UNSUPPORTED_FORMAT" and name not in BROKEN]


@pytest.mark.parametrize("name", OTHERS)
def test_another_format_is_recognised_by_its_contents_too(name: str) -> None:
    with pytest.raises(UnreadableMission) as caught:
        read(real(name).read_bytes())
    assert caught.value.reason == "UNSUPPORTED_FORMAT"
    assert ".plan" in caught.value.message


def test_a_structure_scan_is_refused_by_its_item_and_name() -> None:
    with pytest.raises(UnreadableMission, match=r"item 2: complex items \(StructureScan\)") as caught:
        read(real("mavsdk/qgroundcontrol_sample_with_structured_scan.plan"))
    assert (caught.value.item, caught.value.field) == (1, "mission.items[1]")


@pytest.mark.parametrize("name", CASES)
def test_a_plan_of_the_cases_is_read(name: str) -> None:
    mission = read(real(f"../cases/{name}"))
    assert max(point.altitude_m for point in mission.waypoints) == CASES[name]
    assert mission.waypoints[-1].altitude_m == 0
