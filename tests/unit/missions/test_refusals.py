"""A file that cannot be flown as written is refused, with a reason, the item and the field."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from lowsky.missions import UnreadableMission, read

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


def refusal(source: object, filename: str | None = None) -> UnreadableMission:
    data = source if isinstance(source, bytes) else json.dumps(source).encode()
    with pytest.raises(UnreadableMission) as caught:
        read(data, filename)
    return caught.value


@pytest.mark.parametrize(
    ("broken", "reason", "field"),
    [
        (item(16, (91, 8), 30), "COORDINATES_OUT_OF_RANGE", "mission.items[1].params"),
        (item(16, (47, 180.1), 30), "COORDINATES_OUT_OF_RANGE", "mission.items[1].params"),
        (item(16, (math.nan, 8), 30), "NOT_FINITE", "mission.items[1].params"),
        (item(16, (47, math.inf), 30), "NOT_FINITE", "mission.items[1].params"),
        (item(16, (0, 0), 30), "ZERO_POSITION", "mission.items[1].params"),
        (item(82, (0, 0), 30), "ZERO_POSITION", "mission.items[1].params"),
        (item(21, (0, 8), 0) | {"params": [0, 0, 0, 0, None, 8, 0]}, "BAD_VALUE", "mission.items[1].params"),
        (item(16, (None, None), 30), "POSITION_MISSING", "mission.items[1].params"),
        (item(16, (47, None), 30), "BAD_VALUE", "mission.items[1].params"),
        (item(16, HOME, None), "ALTITUDE_MISSING", "mission.items[1].params"),
        (item(16, HOME, 20_001), "ALTITUDE_OUT_OF_RANGE", "mission.items[1].params"),
        (item(16, HOME, 30, frame=2), "UNSUPPORTED_FRAME", "mission.items[1].frame"),
        (item(16, HOME, 30, frame=1), "UNSUPPORTED_FRAME", "mission.items[1].frame"),
        (item(16, HOME, 30, AltitudeMode=2), "CONFLICTING_DATUM", "mission.items[1].AltitudeMode"),
        (item(16, HOME, 30, Altitude=90), "CONFLICTING_ALTITUDE", "mission.items[1].Altitude"),
        (
            item(16, HOME, 30, frame=AMSL, AltitudeMode=3),
            "TERRAIN_ALTITUDE_MISSING",
            "mission.items[1].AMSLAltAboveTerrain",
        ),
        (item(17, HOME, 30), "ENDLESS_LOITER", "mission.items[1].command"),
        (item(179, HOME, 30), "UNSUPPORTED_COMMAND", "mission.items[1].command"),
        (item(177, (0, 0), 0, 1, -1), "ENDLESS_JUMP", None),
        (item(177, (0, 0), 0, 99, 1), "JUMP_TARGET_MISSING", None),
        (item(177, (0, 0), 0, 2, 1_000_000_000), "TOO_MANY_STEPS", None),
        (item(178, (0, 0), 0, 1, 500), "SPEED_OUT_OF_RANGE", None),
        (item(178, (0, 0), 0, 1, 0), "SPEED_OUT_OF_RANGE", None),
        (item(93, (0, 0), 0, -1, 12, 30, 0), "DELAY_UNTIL_CLOCK", None),
        (item(16, HOME, 30, -5), "BAD_VALUE", None),
        (item(16, HOME, 30, 1e9), "TOO_LONG", None),
        (item(18, HOME, 30, 1, 0, 1e6), "RADIUS_OUT_OF_RANGE", None),
        (
            {"type": "ComplexItem", "complexItemType": "survey"},
            "COMPLEX_ITEM",
            "mission.items[1].TransectStyleComplexItem.Items",
        ),
        ({"type": "ComplexItem", "complexItemType": "StructureScan"}, "COMPLEX_ITEM", "mission.items[1]"),
        ({"type": "ComplexItem", "complexItemType": "x" * 1000}, "COMPLEX_ITEM", "mission.items[1]"),
        ({"type": "missionItem", "command": 16}, "UNSUPPORTED_ITEM", "mission.items[1].type"),
        ("waypoint", "BAD_VALUE", "mission.items[1]"),
        (item(16, HOME, 30) | {"params": [0, 0]}, "BAD_VALUE", "mission.items[1].params"),
        (item(16, HOME, 30) | {"command": True}, "BAD_VALUE", "mission.items[1].command"),
        (item(16, HOME, 30) | {"command": 16.5}, "BAD_VALUE", "mission.items[1].command"),
    ],
)
def test_a_broken_item_is_refused_and_named(broken: Any, reason: str, field: str | None) -> None:
    found = refusal(plan(take_off(), broken, go(0.001)))
    assert (found.reason, found.field) == (reason, field)
    assert found.item == (None if reason == "TOO_MANY_STEPS" else 1)
    assert found.message


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"", "EMPTY_FILE"),
        (b"\xff\xfe", "EMPTY_FILE"),
        (b"\x93{}\x94", "NOT_UTF8"),
        (b"{\0}\0", "NOT_UTF8"),
        (b"{", "NOT_JSON"),
        (b'{"fileType": ' + b"1" * 5_000 + b"}", "NOT_JSON"),
        (b'{"fileType": "Plan", "fileType": "Plan"}', "DUPLICATE_KEY"),
        (b"[" * 100_000, "NESTED_TOO_DEEP"),
        (b" " * (5 * 1024 * 1024 + 1), "FILE_TOO_LARGE"),
        (b"QGC WPL 110\n", "UNSUPPORTED_FORMAT"),
        (b"<kml/>", "UNSUPPORTED_FORMAT"),
        (b"PK\x03\x04", "UNSUPPORTED_FORMAT"),
        (b"[]", "UNSUPPORTED_FORMAT"),
        ({"items": [], "version": 2}, "UNSUPPORTED_FORMAT"),
        ({"fileType": "GeoFence", "version": 1}, "UNSUPPORTED_FORMAT"),
        (plan(take_off()) | {"version": 2}, "WRONG_PLAN_VERSION"),
        (plan(take_off()) | {"version": True}, "WRONG_PLAN_VERSION"),
        (plan(take_off()) | {"mission": None}, "MISSING_MISSION"),
        (plan(take_off(), version=1), "WRONG_MISSION_VERSION"),
        (plan(take_off(), items=None), "MISSING_ITEMS"),
        (plan(take_off(), items={}), "BAD_VALUE"),
        (plan(), "NO_WAYPOINT"),
        (plan(item(20, frame=2)), "NO_WAYPOINT"),
        (plan(item(20, frame=2), go(0.001)), "RETURN_ON_GROUND"),
        (plan(item(21, HOME)), "LANDING_ON_GROUND"),
        (plan(go(0), vehicleType=12), "UNSUPPORTED_VEHICLE"),
        (plan(go(0), hoverSpeed=-1), "SPEED_OUT_OF_RANGE"),
        (plan(go(0), plannedHomePosition=[95, 8, 0]), "COORDINATES_OUT_OF_RANGE"),
        (plan(go(0), plannedHomePosition="here"), "BAD_VALUE"),
        (plan(item(22, (0, 0), 30), go(0.001), vehicleType=1), "POSITION_MISSING"),
    ],
)
def test_a_broken_document_is_refused(document: object, reason: str) -> None:
    assert refusal(document).reason == reason


@pytest.mark.parametrize("name", ["a.mission", "a.waypoints", "a.kml", "a.KMZ", "a.geojson"])
def test_another_format_is_refused_by_its_name(name: str) -> None:
    found = refusal(plan(take_off(), go(0.001)), name)
    assert found.reason == "UNSUPPORTED_FORMAT"
    assert "QGroundControl .plan" in found.message


def test_a_file_that_is_not_there_is_refused_alike(tmp_path: Path) -> None:
    for path in (tmp_path / "none.plan", tmp_path, str(tmp_path / "nul\0.plan")):
        with pytest.raises(UnreadableMission) as caught:
            read(path)
        assert caught.value.reason == "FILE_UNREADABLE"
