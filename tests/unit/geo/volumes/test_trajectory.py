"""Trajectories: what is refused, lengths and speeds."""

from typing import Any

import numpy as np
import pytest

from lowsky.geo.heights.altitude import Datum
from lowsky.geo.volumes.trajectory import Trajectory


def trajectory(**changes: Any) -> Trajectory:
    columns: dict[str, Any] = {
        "longitudes": np.array([10.0, 10.01, 10.01]),
        "latitudes": np.array([50.0, 50.0, 50.01]),
        "altitudes_m": np.array([0.0, 80.0, 80.0]),
        "datums": np.full(3, Datum.AGL.code, dtype=np.int8),
        "times_s": np.array([0.0, 100.0, 160.0]),
        "horizontal_buffer_m": 30.0,
        "vertical_buffer_m": 10.0,
        "time_buffer_s": 30.0,
    }
    return Trajectory(**(columns | changes))


def test_lengths_and_speeds_are_over_the_ground() -> None:
    flight = trajectory()
    assert flight.leg_count == 2
    assert flight.leg_lengths_m() == pytest.approx([716.96, 1112.29], abs=0.05)
    assert flight.length_m() == pytest.approx(1829.25, abs=0.1)
    assert flight.ground_speeds_m_s() == pytest.approx([7.1696, 18.538], abs=0.001)
    assert flight.ground_speed_max_m_s() == pytest.approx(18.538, abs=0.001)


def test_a_leg_that_takes_no_time_is_infinitely_fast_unless_it_has_no_length() -> None:
    flight = trajectory(longitudes=np.array([10.0, 10.0, 10.01]), latitudes=np.full(3, 50.0), times_s=np.zeros(3))
    assert flight.ground_speeds_m_s().tolist() == [0.0, np.inf]


def test_a_speed_over_the_antimeridian_is_that_of_the_short_way() -> None:
    flight = trajectory(longitudes=np.array([179.995, -179.995, -179.99]), latitudes=np.full(3, 50.0))
    assert flight.ground_speed_max_m_s() == pytest.approx(7.1696, abs=0.001)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"longitudes": np.array([10.0, 180.1, 10.0])}, "longitude of waypoint 1"),
        ({"longitudes": np.array([10.0, 10.0, np.nan])}, "longitude of waypoint 2"),
        ({"latitudes": np.array([-90.1, 50.0, 50.0])}, "latitude of waypoint 0"),
        ({"altitudes_m": np.array([0.0, np.inf, 0.0])}, "altitude of waypoint 1"),
        ({"datums": np.array([0, 0, 4], dtype=np.int8)}, "datum of waypoint 2"),
        ({"datums": np.array([-1, 0, 0], dtype=np.int8)}, "datum of waypoint 0"),
        ({"times_s": np.array([0.0, np.nan, 2.0])}, "time of waypoint 1"),
        ({"times_s": np.array([0.0, 2.0, 1.999])}, "leg 1 ends before it starts"),
        ({"times_s": np.array([0.0, 2.0, 2.0]), "time_buffer_s": 0.0}, "leg 1 takes no time"),
        ({"times_s": np.array([0.0, 2.0])}, "equally long"),
        ({"horizontal_buffer_m": 0.0}, "horizontal buffer"),
        ({"horizontal_buffer_m": 10_000.1}, "horizontal buffer"),
        ({"horizontal_buffer_m": np.nan}, "horizontal buffer"),
        ({"vertical_buffer_m": -0.1}, "vertical buffer"),
        ({"time_buffer_s": np.inf}, "time buffer"),
        ({"takeoff_amsl_m": np.nan}, "take-off elevation"),
    ],
)
def test_what_cannot_be_flown_is_refused_by_name(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        trajectory(**changes)


def test_one_waypoint_is_no_trajectory() -> None:
    single: dict[str, Any] = {
        name: getattr(trajectory(), name)[:1]
        for name in ("longitudes", "latitudes", "altitudes_m", "datums", "times_s")
    }
    with pytest.raises(ValueError, match="two waypoints"):
        trajectory(**single)


def test_a_hold_at_one_instant_is_allowed_with_a_time_buffer() -> None:
    trajectory(times_s=np.zeros(3), time_buffer_s=1.0)


def test_legs_hold_their_airspace_from_the_microsecond_before_to_the_one_after() -> None:
    flight = trajectory(times_s=np.array([0.0000002, 100.0000002, 160.0000002]), time_buffer_s=0.0)
    assert flight.windows_s.tolist() == [[0.0, 100.000001], [100.0, 160.000001]]
