"""Times to microseconds: starts down and ends up, whatever they are read from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from lowsky.moments import (
    end_micros,
    end_of,
    end_s,
    ends_up,
    longest,
    start_micros,
    start_of,
    start_s,
    starts_down,
    windows_s,
)

SECONDS = 1_800_000_000
NOON = datetime.fromtimestamp(SECONDS, UTC)


def at(nanos: int, seconds: int = SECONDS) -> Timestamp:
    return Timestamp(seconds=seconds, nanos=nanos)


@pytest.mark.parametrize(
    ("nanos", "down", "up"),
    [(0, 0, 0), (1, 0, 1), (100, 0, 1), (999, 0, 1), (1_000, 1, 1), (1_001, 1, 2), (999_999_999, 999_999, 1_000_000)],
)
def test_a_start_is_rounded_down_and_an_end_up(nanos: int, down: int, up: int) -> None:
    for seconds in (SECONDS, -SECONDS, 0):
        assert start_micros(at(nanos, seconds)) == seconds * 1_000_000 + down
        assert end_micros(at(nanos, seconds)) == seconds * 1_000_000 + up
    assert start_of(at(nanos)) == NOON + timedelta(microseconds=down)
    assert end_of(at(nanos)) == NOON + timedelta(microseconds=up)
    assert start_s(at(nanos)) == (NOON + timedelta(microseconds=down)).timestamp()
    assert end_s(at(nanos)) == (NOON + timedelta(microseconds=up)).timestamp()


def test_the_last_end_of_a_calendar_stays_in_it_and_what_no_calendar_has_is_refused() -> None:
    assert end_of(Timestamp(seconds=253_402_300_799, nanos=999_999_999)) == datetime.max.replace(tzinfo=UTC)
    for beyond in (Timestamp(seconds=253_402_300_800), Timestamp(seconds=-62_135_596_801)):
        for read in (start_of, end_of):
            with pytest.raises(ValueError, match="not valid"):
                read(beyond)


def test_a_notice_is_never_shorter_than_was_said() -> None:
    assert longest(Duration(seconds=60, nanos=1)) == timedelta(seconds=60, microseconds=1)
    assert longest(Duration(seconds=60, nanos=2_000)) == timedelta(seconds=60, microseconds=2)


def micros(seconds: float) -> int:
    return round((seconds - SECONDS) * 1e6)


@pytest.mark.parametrize(
    ("departure_ns", "buffer_ns", "offset_s", "until_s", "start", "end"),
    [
        (0, 0, 0.0, 60.0, 0, 60_000_000),
        (100, 0, 0.0, 60.0, 0, 60_000_001),
        (0, 100, 0.0, 60.0, -1, 60_000_001),
        (500, 500, 0.0, 60.0, 0, 60_000_001),
        (0, 0, 1e-7, 60.0 + 1e-7, 0, 60_000_001),
        (900, 0, 1e-7, 60.0 + 1e-7, 1, 60_000_001),
        (0, 0, 1e-10, 60.0 + 1e-10, 0, 60_000_001),
        (0, 0, 0.3, 0.7, 300_000, 700_000),
        (0, 0, 1234.567891, 4321.123457, 1_234_567_891, 4_321_123_457),
    ],
)
def test_a_leg_lasts_from_its_start_rounded_down_to_its_end_rounded_up(
    departure_ns: int, buffer_ns: int, offset_s: float, until_s: float, start: int, end: int
) -> None:
    ((starts, ends),) = windows_s(np.array([offset_s, until_s]), SECONDS * 10**9 + departure_ns, buffer_ns)
    assert (micros(starts), micros(ends)) == (start, end)


@given(
    st.integers(0, 10**9 - 1),
    st.integers(0, 600 * 10**9),
    st.lists(st.integers(0, 10**14), min_size=2, max_size=5).map(sorted),
)
def test_legs_last_to_the_microsecond_as_whole_numbers_of_nanoseconds_say(
    after_ns: int, buffer_ns: int, offsets_ns: list[int]
) -> None:
    departure_ns = SECONDS * 10**9 + after_ns
    found = windows_s(np.array(offsets_ns) / 1e9, departure_ns, buffer_ns)
    for (start, end), begun_ns, done_ns in zip(found.tolist(), offsets_ns, offsets_ns[1:], strict=False):
        assert start == (departure_ns + begun_ns - buffer_ns) // 1_000 / 1_000_000
        assert end == -(-(departure_ns + done_ns + buffer_ns) // 1_000) / 1_000_000


def test_times_that_are_centuries_away_are_read_too() -> None:
    ((start, end),) = windows_s(np.array([0.0, 60.0]), 253_402_300_799 * 10**9, 0)
    assert (start, end) == (253_402_300_799.0, 253_402_300_859.0)
    assert starts_down([1e300]).tolist() == ends_up([1e300]).tolist() == [1e300]


@given(st.integers(0, 4_000_000_000_000_000))
def test_a_whole_microsecond_stays_what_it_is(count: int) -> None:
    seconds = count / 1_000_000
    assert starts_down([seconds]).tolist() == ends_up([seconds]).tolist() == [seconds]


@given(st.floats(-1e6, 1e6))
def test_what_is_between_two_microseconds_lies_between_what_it_is_rounded_to(seconds: float) -> None:
    down, up = float(starts_down([seconds])[0]), float(ends_up([seconds])[0])
    assert down <= seconds <= up
    assert up - down < 1.001e-6
