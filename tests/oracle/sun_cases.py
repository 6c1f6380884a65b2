"""Schedule entries by the sun at places from the equator to where it stays up, and windows around their edges."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st

from tests.oracle.daylight import Extent, SunHours, readings
from tests.oracle.sun import DAY_S, ORDER

NEW_YEAR_S = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
TURNS = (77, 78, 140, 143, 171, 172, 205, 210, 265, 310, 330, 354, 355)
"""Days of the year: equinoxes, solstices, and when in the north the sun begins and ceases to stay up or down."""
LATITUDES = (0.0, 31.23, -34.6, 48.2, 59.9, 66.0, -66.5, 69.6, 78.0, -83.0)
LONGITUDES = (0.0, 16.37, 121.47, -118.2, 179.97, -179.6)

events = st.sampled_from(ORDER)
times = st.integers(0, 23).map(lambda hour: hour * 3600)

Case = tuple[SunHours, Extent, float, float]


@st.composite
def extents(draw: st.DrawFn) -> Extent:
    """From a hundred metres to a country, at times over the antimeridian."""
    west = draw(st.sampled_from(LONGITUDES) | st.integers(-1799, 1799).map(lambda n: n / 10.0 + 0.03))
    south = draw(st.sampled_from(LATITUDES) | st.integers(-840, 760).map(lambda n: n / 10.0))
    size = draw(st.sampled_from([0.001, 0.05, 1.0, 8.0]))
    return west, south, west + size, south + size


@st.composite
def sun_hours(draw: st.DrawFn) -> SunHours:
    """An event at either end, or at both."""
    opens: int | str = draw(events | times)
    closes: int | str = draw(events if isinstance(opens, int) else events | times)
    days = draw(st.frozensets(st.integers(0, 6), min_size=1, max_size=3))
    return SunHours(days, opens, closes, draw(st.sampled_from(["UTC", "UTC", "Europe/Berlin", "Asia/Shanghai"])))


@st.composite
def sun_windows(draw: st.DrawFn) -> Case:
    """An entry, where, and a window that begins or ends by an edge of an occurrence."""
    hours, extent = draw(sun_hours()), draw(extents())
    day_s = NEW_YEAR_S + DAY_S * draw(st.sampled_from(TURNS) | st.integers(0, 364))
    occurrence = draw(st.sampled_from(readings(hours, extent, day_s, day_s + 7 * DAY_S, draw(st.booleans()))))
    edge = round(draw(st.sampled_from(occurrence))) + draw(st.sampled_from([-1, 1, -2, 2, -300, 300, -3600, 3600]))
    length = draw(st.sampled_from([60.0, 600.0, 7200.0, 86_400.0]))
    start = edge if draw(st.booleans()) else edge - length
    return hours, extent, float(start), start + length
