"""Flight intents as test suites of ASTM F3548 (InterUSS uss_qualifier and prober) write them: as requests of ours, and
as flights for the oracle."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from tests.oracle.conflict import Area, Held
from tests.oracle.height import Limits
from tests.support.plan_contents import contents

Intent = Mapping[str, Any]
Flight = tuple[pb.FlightPlan, list[Held]]
"""The request, and what the oracle makes of it."""

Extent = tuple[Any, float, float]
"""A volume of F3548, and seconds from now from and until."""


def collection(file: Path) -> Mapping[str, Intent]:
    """The intents of a file, each in full."""
    listed = yaml.safe_load(file.read_text(encoding="utf-8"))["intents"]

    def full(intent: str) -> Any:
        said = listed[intent]
        return said["full"] if "full" in said else _changed(full(said["delta"]["source"]), said["delta"]["mutation"])

    return {intent: full(intent) for intent in listed}


def _changed(source: Any, mutation: Any) -> Any:
    """As the suite does: parts replace their namesakes, items of lists those at their place; `+` replaces all."""
    if isinstance(mutation, dict) and isinstance(source, dict):
        result = dict(source)
        for key, value in mutation.items():
            result[key.removeprefix("+")] = (
                value if key.startswith("+") or key not in source else _changed(source[key], value)
            )
        return result
    if isinstance(mutation, list) and isinstance(source, list):
        return [_changed(a, b) for a, b in zip(source, mutation, strict=False)] + source[len(mutation) :]
    return mutation


def _seconds(text: str) -> float:
    units = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
    return float(text[:-1]) * units[text[-1]]


def _offset_s(time: Any) -> float:
    """From the evaluation on."""
    return _seconds(time["offset_from"].get("offset", "0s"))


def planned(intent: Intent, now: datetime) -> Flight:
    """An intent, as it is at a time; priority 100 is EMERGENCY."""
    extents: list[Extent] = []
    for area in intent["basic_information"]["area"]:
        start = _offset_s(area["start_time"])
        end = _offset_s(area["end_time"]) if area.get("end_time") else start + _seconds(area["duration"])
        extents.append((area, start, end))
    return _flight(extents, now, intent["astm_f3548_21"]["priority"])


def operation(file: Path, begins: datetime, now: datetime) -> Flight:
    """An operation in YAML or JSON, moved so that what is at `begins` is now."""
    said = yaml.safe_load(file.read_text(encoding="utf-8"))

    def since(time: Any) -> float:
        return (datetime.fromisoformat(time["value"]) - begins).total_seconds()

    return _flight([(one["volume"], since(one["time_start"]), since(one["time_end"])) for one in said["extents"]], now)


def _flight(extents: list[Extent], now: datetime, priority: int = 0) -> Flight:
    named = assessment_pb2.PRIORITY_EMERGENCY if priority else assessment_pb2.PRIORITY_UNSPECIFIED
    plan = pb.FlightPlan(**contents(), priority=named)
    held = []
    for volume, start_s, end_s in extents:
        message = plan.volumes.volumes.add()
        low, high = volume["altitude_lower"], volume["altitude_upper"]
        assert (low["reference"], low["units"], high["reference"], high["units"]) == ("W84", "M", "W84", "M")
        message.altitude.CopyFrom(
            geo_pb2.AltitudeBand(
                lower_m=low["value"],
                lower_datum=geo_pb2.ALTITUDE_DATUM_WGS84,
                upper_m=high["value"],
                upper_datum=geo_pb2.ALTITUDE_DATUM_WGS84,
            )
        )
        message.time_start.FromDatetime(now + timedelta(seconds=start_s))
        message.time_end.FromDatetime(now + timedelta(seconds=end_s))
        limits = Limits(low["value"], "WGS84", high["value"], "WGS84")
        held.append(Held(_area(volume, message), limits, now.timestamp() + start_s, now.timestamp() + end_s))
    return plan, held


def _area(volume: Any, message: geo_pb2.Volume4D) -> Area:
    if "outline_circle" in volume:
        center, radius_m = volume["outline_circle"]["center"], volume["outline_circle"]["radius"]["value"]
        message.outline_circle.center.longitude, message.outline_circle.center.latitude = center["lng"], center["lat"]
        message.outline_circle.radius_m = radius_m
        return Area.circle((center["lng"], center["lat"]), radius_m)
    ring = [(vertex["lng"], vertex["lat"]) for vertex in volume["outline_polygon"]["vertices"]]
    for longitude, latitude in ring:
        message.outline_polygon.vertices.add(longitude=longitude, latitude=latitude)
    return Area.polygon(*ring)
