"""Times as they are stored, in whole microseconds: a start is rounded down and an end up, so that what is kept and
checked is never shorter than requested. All code that reads a time from a message uses this module.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NANOS: Final = 1_000_000_000
_MICROS: Final = 1_000_000
_NANOS_IN_MICRO: Final = 1_000
_LAST_MICRO: Final = 253_402_300_800 * _MICROS - 1
"""Of the year 9999, after which a calendar has none to round up to."""


class Nanoseconds(Protocol):
    """A google.protobuf.Timestamp or Duration, which the domain does not know."""

    def ToNanoseconds(self) -> int:
        """Since the epoch, or as long."""


def start_micros(time: Nanoseconds) -> int:
    """Microseconds since the epoch, of a start."""
    return time.ToNanoseconds() // _NANOS_IN_MICRO


def end_micros(time: Nanoseconds) -> int:
    """Microseconds since the epoch, of an end."""
    return -(-time.ToNanoseconds() // _NANOS_IN_MICRO)


def start_s(time: Nanoseconds) -> float:
    """Seconds since the epoch, of a start: the float next to a whole microsecond."""
    return start_micros(time) / _MICROS


def end_s(time: Nanoseconds) -> float:
    """Seconds since the epoch, of an end: the float next to a whole microsecond."""
    return end_micros(time) / _MICROS


def start_of(time: Nanoseconds) -> datetime:
    """A start in UTC.

    Raises:
        ValueError: A calendar does not have it.
    """
    return _EPOCH + timedelta(microseconds=start_micros(time))


def end_of(time: Nanoseconds) -> datetime:
    """An end in UTC.

    Raises:
        ValueError: A calendar does not have it.
    """
    is_last = time.ToNanoseconds() // _NANOS_IN_MICRO == _LAST_MICRO
    return _EPOCH + timedelta(microseconds=_LAST_MICRO if is_last else end_micros(time))


def longest(duration: Nanoseconds) -> timedelta:
    """A duration, rounded up: never shorter than requested."""
    return timedelta(microseconds=-(-duration.ToNanoseconds() // _NANOS_IN_MICRO))


def windows_s(offsets_s: NDArray[np.float64], departure_ns: int, buffer_ns: int) -> NDArray[np.float64]:
    """From when until when legs between waypoints take place, (n, 2) seconds since the epoch, floats next to whole
    microseconds.

    Args:
        offsets_s: When each of the n + 1 waypoints is reached, since departure.
        departure_ns: Since the epoch.
        buffer_ns: Before and after each leg.
    """
    first, first_ns = divmod(departure_ns - buffer_ns, _NANOS_IN_MICRO)
    last, last_ns = divmod(departure_ns + buffer_ns, _NANOS_IN_MICRO)
    starts = first + (_whole(offsets_s[:-1], _NANOS, up=False) + first_ns) // _NANOS_IN_MICRO
    ends = last - -(_whole(offsets_s[1:], _NANOS, up=True) + last_ns) // _NANOS_IN_MICRO
    return np.stack([starts, ends], axis=1) / _MICROS


def starts_down(seconds: ArrayLike) -> NDArray[np.float64]:
    """Starts in seconds, to floats next to whole microseconds."""
    return _micros(seconds, up=False)


def ends_up(seconds: ArrayLike) -> NDArray[np.float64]:
    """Ends in seconds, to floats next to whole microseconds."""
    return _micros(seconds, up=True)


def _micros(seconds: ArrayLike, *, up: bool) -> NDArray[np.float64]:
    given = np.asarray(seconds, dtype=np.float64)
    # Beyond, floats are further apart than microseconds.
    fine = np.abs(given) < 2.0**53 / _MICROS
    return np.where(fine, _whole(np.where(fine, given, 0.0), _MICROS, up=up) / _MICROS, given)


def _whole(seconds: NDArray[np.float64], per_second: int, *, up: bool) -> NDArray[np.int64]:
    """The nearest whole number of units below, or above. A float that is the nearest one to a whole number of them is
    that number: 0.3 s are 300 000 microseconds."""
    units = (np.ceil if up else np.floor)(seconds * per_second).astype(np.int64)
    step = -1 if up else 1
    reached = (units + step) / per_second
    nearer = reached >= seconds if up else reached <= seconds
    units = np.where(nearer, units + step, units)
    beyond = units / per_second < seconds if up else units / per_second > seconds
    return np.where(beyond, units - step, units)
