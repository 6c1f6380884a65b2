"""Whatever happens to a file on its way, the reader answers with a mission or with UnreadableMission."""

import itertools
import json
import math
import random
from typing import Any

import pytest

from lowsky.missions import Mission, UnreadableMission, read

SEED = 20_240_101
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 3, 17, 20, 21, 177, 1e308, -1e308, 10**400, math.nan, math.inf, -math.inf, 0.5,
    "", "Plan", "x" * 99, [], {}, [[]], [None] * 7, [0] * 7, 47.4, 8.5, -180, 90, 65535,
)  # fmt: skip


def sample() -> dict[str, Any]:
    def item(command: int, *params: float | None) -> dict[str, Any]:
        return {"type": "SimpleItem", "command": command, "frame": 3, "params": list(params), "AltitudeMode": 1}

    return {
        "fileType": "Plan",
        "version": 1,
        "geoFence": {"circles": [], "polygons": [], "version": 2},
        "mission": {
            "version": 2,
            "vehicleType": 20,
            "firmwareType": 12,
            "cruiseSpeed": 15,
            "hoverSpeed": 5,
            "plannedHomePosition": [47.4, 8.5, 400],
            "items": [
                item(84, 0, 0, 0, None, 47.401, 8.5, 30),
                item(178, 1, 12, -1, 0, 0, 0, 0),
                item(16, 5, 0, 0, None, 47.402, 8.5, 40),
                item(19, 20, 0, 60, None, 47.403, 8.501, 50),
                item(31, 1, 60, 0, 1, 47.403, 8.502, 80),
                item(177, 3, 2, 0, 0, 0, 0, 0),
                item(85, 0, 0, 0, None, 47.401, 8.5, 0),
                item(93, 30, 0, 0, 0, 0, 0, 0),
                item(22, 0, 0, 0, None, 47.401, 8.5, 30),
                item(20, 0, 0, 0, 0, 0, 0, 0),
            ],
        },
    }


def slots(node: Any) -> list[tuple[Any, Any]]:
    """Every container with each of its keys."""
    keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else []
    return [pair for key in keys for pair in [(node, key), *slots(node[key])]]


def check(data: bytes) -> bool:
    try:
        mission = read(data)
    except UnreadableMission:
        return False
    check_sound(mission)
    return True


def check_sound(mission: Mission) -> None:
    offsets = [point.offset_s for point in mission.waypoints]
    assert 2 <= len(offsets) <= 2_000
    assert all(before < after for before, after in itertools.pairwise(offsets))
    for point in mission.waypoints:
        assert -90 <= point.latitude <= 90
        assert -180 <= point.longitude <= 180
        assert math.isfinite(point.altitude_m)


def test_the_sample_itself_is_read() -> None:
    assert check(json.dumps(sample()).encode())


@pytest.mark.parametrize("batch", range(8))
def test_a_plan_with_odd_values_is_read_or_refused(batch: int) -> None:
    chance = random.Random(SEED + batch)
    outcomes = set()
    for _ in range(250):
        document = sample()
        for _ in range(chance.choice((1, 1, 2, 4))):
            node, key = chance.choice(slots(document))
            if isinstance(node, dict) and chance.random() < 0.2:
                del node[key]
            elif isinstance(node, list) and chance.random() < 0.2:
                node.insert(key, node[key])
            else:
                node[key] = chance.choice(ODD)
        outcomes.add(check(json.dumps(document).encode()))
    assert outcomes == {True, False}, "the mutations reach both sides"


@pytest.mark.parametrize("batch", range(8))
def test_a_plan_with_damaged_bytes_is_read_or_refused(batch: int) -> None:
    chance = random.Random(SEED + 1_000 + batch)
    original = json.dumps(sample(), indent=1).encode()
    for _ in range(250):
        data = bytearray(original)
        for _ in range(chance.choice((1, 2, 8))):
            at = chance.randrange(len(data))
            match chance.randrange(4):
                case 0:
                    data[at] = chance.randrange(256)
                case 1:
                    data[at : at + chance.randrange(1, 40)] = b""
                case 2:
                    data[at:at] = data[: chance.randrange(1, 60)]
                case _:
                    data[at] = chance.choice(b'0123456789-eE.[]{},:"')
        check(bytes(data))


def test_noise_is_refused() -> None:
    chance = random.Random(SEED)
    for _ in range(300):
        assert not check(chance.randbytes(chance.randrange(200)))
