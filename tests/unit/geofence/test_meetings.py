"""Moments in the texts of findings: as `datetime` says them."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from lowsky.geofence.meetings import moments_of

seconds = st.floats(0, 7e9) | st.integers(0, 7_000_000_000).map(lambda s: math.nextafter(float(s), 0.0))


@given(st.lists(seconds, min_size=1))
@example([0.0, 1_780_304_399.9999995, 1_780_304_399.9999993, 1_780_304_400.0])
def test_a_moment_is_said_as_the_calendar_says_it(moments: list[float]) -> None:
    expected = [datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%SZ") for moment in moments]
    assert moments_of(np.array(moments)) == expected
