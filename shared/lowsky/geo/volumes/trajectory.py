"""A flight as waypoints in space and time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lowsky.geo.heights.altitude import DATUMS
from lowsky.geo.shapes.projection import inverse
from lowsky.moments import ends_up, starts_down

HORIZONTAL_BUFFER_MAX_M: Final = 10_000.0
"""The local metric projection of corridors holds to this distance; U-space buffers are tens of metres."""

_FINITE: Final = float(np.finfo(np.float64).max)

_BOUNDS: Final = (
    (-180.0, 180.0, "the longitude of waypoint {} is not in [-180, 180]"),
    (-90.0, 90.0, "the latitude of waypoint {} is not in [-90, 90]"),
    (-_FINITE, _FINITE, "the altitude of waypoint {} is not finite"),
    (0.0, len(DATUMS) - 1.0, "the datum of waypoint {} is unknown"),
    (-_FINITE, _FINITE, "the time of waypoint {} is not finite"),
)
"""The least and the greatest of each column, both included, and the error text for others. NaN lies in no bounds: it
compares false."""

_LEAST: Final = np.array([[least] for least, _, _ in _BOUNDS])
_GREATEST: Final = np.array([[greatest] for _, greatest, _ in _BOUNDS])


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """Waypoints joined by geodesic legs, with buffers around them; n >= 2.

    Arrays of n: `longitudes`, `latitudes` float64 degrees; `altitudes_m` float64 metres in `datums` (int8 codes of
    `Datum`); `times_s` float64 seconds since the epoch, never decreasing. Buffers reach to each side, below and
    above, before and after. `windows_s`, (n - 1, 2) seconds since the epoch, are from when until when each leg holds
    its airspace, buffers included: where they are not given, as times and buffer say, to microseconds, outwards.
    `takeoff_amsl_m` is the elevation of the take-off point, where known. The arrays are not
    to be changed afterwards.
    Raises ValueError for anything else, naming the waypoint or leg (from 0).
    """

    longitudes: NDArray[np.float64]
    latitudes: NDArray[np.float64]
    altitudes_m: NDArray[np.float64]
    datums: NDArray[np.int8]
    times_s: NDArray[np.float64]
    horizontal_buffer_m: float
    vertical_buffer_m: float
    time_buffer_s: float
    takeoff_amsl_m: float | None = None
    windows_s: NDArray[np.float64] = None  # type: ignore[assignment]  # always there once it is made

    def __post_init__(self) -> None:
        columns = (self.longitudes, self.latitudes, self.altitudes_m, self.datums, self.times_s)
        count = len(self.longitudes)
        if any(column.shape != (count,) for column in columns):
            raise ValueError("the columns of a trajectory must be one-dimensional and equally long")
        if count < 2:
            raise ValueError("a trajectory needs two waypoints")
        # All in one table: so few numbers cost less than the calls.
        table = np.array(columns, dtype=np.float64)
        within = (table >= _LEAST) & (table <= _GREATEST)
        if np.count_nonzero(within) != within.size:
            for holds, (_, _, message) in zip(within, _BOUNDS, strict=True):
                _all(holds, message)
        _all(self.times_s[1:] >= self.times_s[:-1], "leg {} ends before it starts")
        self._check_buffers()
        if self.windows_s is None:
            starts, ends = self.times_s[:-1] - self.time_buffer_s, self.times_s[1:] + self.time_buffer_s
            object.__setattr__(self, "windows_s", np.stack([starts_down(starts), ends_up(ends)], axis=1))

    def _check_buffers(self) -> None:
        if not 0.0 < self.horizontal_buffer_m <= HORIZONTAL_BUFFER_MAX_M:
            raise ValueError(f"the horizontal buffer must be above 0 m and at most {HORIZONTAL_BUFFER_MAX_M:.0f} m")
        if not 0.0 <= self.vertical_buffer_m < math.inf:
            raise ValueError("the vertical buffer must be finite and not negative")
        if not 0.0 <= self.time_buffer_s < math.inf:
            raise ValueError("the time buffer must be finite and not negative")
        if self.takeoff_amsl_m is not None and not math.isfinite(self.takeoff_amsl_m):
            raise ValueError("the take-off elevation must be finite")
        if self.time_buffer_s == 0.0:
            # An empty interval would conflict with nothing.
            _all(self.times_s[1:] > self.times_s[:-1], "leg {} takes no time and has no time buffer")

    def __len__(self) -> int:
        return len(self.longitudes)

    @property
    def leg_count(self) -> int:
        """One less than the waypoints."""
        return len(self.longitudes) - 1

    def leg_lengths_m(self) -> NDArray[np.float64]:
        """Geodesic length of each leg over the ground."""
        longitudes, latitudes = self.longitudes, self.latitudes
        return inverse(longitudes[:-1], latitudes[:-1], longitudes[1:], latitudes[1:])[1]

    def length_m(self) -> float:
        """Length over the ground."""
        return float(self.leg_lengths_m().sum())

    def ground_speeds_m_s(self) -> NDArray[np.float64]:
        """Speed over the ground on each leg; inf where one of some length takes no time, 0 where one has no length."""
        return ground_speeds_m_s([self])[0]

    def ground_speed_max_m_s(self) -> float:
        """The fastest leg's speed over the ground."""
        return float(self.ground_speeds_m_s().max())


def ground_speeds_m_s(trajectories: Sequence[Trajectory]) -> list[NDArray[np.float64]]:
    """Those of many trajectories, in one pass."""
    if not trajectories:
        return []
    longitudes = np.concatenate([trajectory.longitudes for trajectory in trajectories])
    latitudes = np.concatenate([trajectory.latitudes for trajectory in trajectories])
    durations = np.diff(np.concatenate([trajectory.times_s for trajectory in trajectories]))
    # There is no leg between the last waypoint of one trajectory and the first of the next.
    lasts = np.cumsum([len(trajectory) for trajectory in trajectories])[:-1] - 1
    begins = np.delete(np.arange(len(longitudes) - 1), lasts)
    lengths = inverse(longitudes[begins], latitudes[begins], longitudes[begins + 1], latitudes[begins + 1])[1]
    durations = durations[begins]
    speeds = np.where(lengths > 0.0, np.inf, 0.0)
    np.divide(lengths, durations, out=speeds, where=durations > 0.0)
    return np.split(speeds, np.cumsum([trajectory.leg_count for trajectory in trajectories])[:-1])


def _all(holds: NDArray[np.bool_], message: str) -> None:
    if np.count_nonzero(holds) != len(holds):  # a third of what all() takes for so few
        raise ValueError(message.format(int(np.argmin(holds))))
