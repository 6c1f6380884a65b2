"""Flights on a small grid, near enough to each other that conflicts are frequent: as requests, and for the oracle."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import strategies as st

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from tests.oracle.cases import Site
from tests.oracle.conflict import Area, Held, Point
from tests.oracle.height import Limits
from tests.support.plan_contents import contents

STEP_M = 300.0
STEP_DEGREES = 0.003
SLICE_S = 300

HEIGHTS = {
    "AGL": (40.0, 60.0, 80.0),
    "AMSL": (46.0, 58.0, 128.0),
    "WGS84": (57.0, 80.0, 138.0),
    "TAKEOFF": (40.0, 60.0),
}
"""With 10 m above and below: some touch, some are a little apart, and most of two datums cannot be told apart."""


@dataclass(frozen=True)
class Flight:
    """What is asked for, and what the oracle makes of it."""

    message: pb.FlightPlan
    volumes: tuple[Held, ...]


@st.composite
def flights(draw: st.DrawFn, site: Site, base_s: int) -> Flight:
    """From so many seconds since the epoch on, in the next half hour."""
    start_s = base_s + SLICE_S * draw(st.integers(0, 3))
    plan = pb.FlightPlan(**contents())
    if draw(st.booleans()):
        volumes = _trajectory(draw, site, start_s, plan.trajectory)
    else:
        made = [
            _volume(draw, site, start_s, plan.volumes.volumes.add()) for _ in range(draw(st.sampled_from([1, 1, 2])))
        ]
        volumes = tuple(made)
    return Flight(plan, volumes)


def _trajectory(draw: st.DrawFn, site: Site, start_s: int, message: assessment_pb2.Trajectory) -> tuple[Held, ...]:
    datum = draw(st.sampled_from(sorted(HEIGHTS)))
    buffer_m, around_s = (
        draw(st.sampled_from([50.0, 149.0, 149.99, 150.0, 150.01, 151.0])),
        draw(st.sampled_from([0, 30])),
    )
    takeoff = draw(st.sampled_from([None, 30.0])) if datum == "TAKEOFF" else None
    message.departure_time.CopyFrom(_timestamp(start_s))
    message.horizontal_buffer_m, message.vertical_buffer_m = buffer_m, 10.0
    message.time_buffer.CopyFrom(Duration(seconds=around_s))
    if takeoff is not None:
        message.takeoff_amsl_m = takeoff
    spots = draw(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=4))
    offset_s, volumes, before = 0, [], None
    for column, row in spots:
        place, height_m = site.at(column * STEP_M, row * STEP_M), draw(st.sampled_from(HEIGHTS[datum]))
        if before is not None:
            lasts_s = draw(st.sampled_from([60, 240, 300]))
            low, high = sorted((before[1], height_m))
            limits = Limits(low - 10.0, datum, high + 10.0, datum, takeoff)
            volumes.append(
                Held(
                    Area.leg(before[0], place, buffer_m),
                    limits,
                    start_s + offset_s - around_s,
                    start_s + offset_s + lasts_s + around_s,
                )
            )
            offset_s += lasts_s
        message.waypoints.add(
            longitude=_wrapped(place[0]),
            latitude=place[1],
            altitude_m=height_m,
            altitude_datum=_datum(datum),
            offset_s=offset_s,
        )
        before = place, height_m
    return tuple(volumes)


def _volume(draw: st.DrawFn, site: Site, start_s: int, message: geo_pb2.Volume4D) -> Held:
    end_s = start_s + draw(st.sampled_from([60, 300, 600]))
    message.time_start.CopyFrom(_timestamp(start_s))
    message.time_end.CopyFrom(_timestamp(end_s))
    column, row = draw(st.integers(0, 3)), draw(st.integers(0, 3))
    if draw(st.booleans()):
        place, radius_m = site.at(column * STEP_M, row * STEP_M), draw(st.sampled_from([60.0, 149.9, 150.0, 150.2]))
        message.outline_circle.center.longitude, message.outline_circle.center.latitude = _wrapped(place[0]), place[1]
        message.outline_circle.radius_m = radius_m
        area = Area.circle((_wrapped(place[0]) % 360.0 if site.lon > 179.0 else place[0], place[1]), radius_m)
    else:
        wide, high = draw(st.integers(1, 2)), draw(st.integers(1, 2))
        west, east = (site.lon + STEP_DEGREES * at for at in (column, column + wide))
        south, north = (site.lat + STEP_DEGREES * at for at in (row, row + high))
        ring: list[Point] = [(west, south), (east, south), (east, north), (west, north)]
        for longitude, latitude in ring:
            message.outline_polygon.vertices.add(longitude=_wrapped(longitude), latitude=latitude)
        area = Area.polygon(*ring)
    return Held(area, _limits(draw, message.altitude), start_s, end_s)


def _limits(draw: st.DrawFn, message: geo_pb2.AltitudeBand) -> Limits:
    lower_datum = draw(st.sampled_from(sorted(HEIGHTS)))
    upper_datum = draw(st.sampled_from([lower_datum, lower_datum, lower_datum, "AMSL"]))
    lower_m = draw(st.sampled_from(HEIGHTS[lower_datum])) - 10.0
    upper_m = draw(st.sampled_from(HEIGHTS[upper_datum])) + 10.0
    if lower_datum == upper_datum:
        lower_m, upper_m = min(lower_m, upper_m - 20.0), max(lower_m + 20.0, upper_m)
    message.lower_m, message.lower_datum = lower_m, _datum(lower_datum)
    message.upper_m, message.upper_datum = upper_m, _datum(upper_datum)
    return Limits(lower_m, lower_datum, upper_m, upper_datum)


def _wrapped(longitude: float) -> float:
    return longitude - 360.0 if longitude > 180.0 else longitude


def _datum(name: str) -> geo_pb2.AltitudeDatum.ValueType:
    return geo_pb2.AltitudeDatum.Value(f"ALTITUDE_DATUM_{name}")


def _timestamp(seconds: int) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(datetime.fromtimestamp(seconds, UTC))
    return message
