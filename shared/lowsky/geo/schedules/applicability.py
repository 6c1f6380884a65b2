"""When a geozone applies: always, or in periods, which may have a weekly schedule (`lowsky.geo.schedules.schedule`).

Source: ED-269 `applicability` and ED-318 `limitedApplicability`. Intervals are half-open, [start, end). A window is
asked in seconds since the epoch, as the trajectory's volumes carry them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lowsky.geo.schedules.schedule import EVERY_DAY, Daily
from lowsky.geo.schedules.sun import DAY_S

__all__ = ["DAY_S", "EVERY_DAY", "PERMANENT", "Applicability", "Daily", "Period", "periods"]


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` until before `end`, either may be open (None); on all of it, or as `schedule` says.

    Raises:
        ValueError: for a time without a zone, or an end that is not after the start.
    """

    start: datetime | None = None
    end: datetime | None = None
    schedule: tuple[Daily, ...] = ()
    start_s: float = field(init=False, repr=False, compare=False)
    end_s: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for moment in (self.start, self.end):
            if moment is not None and moment.utcoffset() != timedelta(0):
                raise ValueError(f"{moment} is not in UTC")
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ValueError(f"the period ends at {self.end}, which is not after its start {self.start}")
        object.__setattr__(self, "start_s", -math.inf if self.start is None else self.start.timestamp())
        object.__setattr__(self, "end_s", math.inf if self.end is None else self.end.timestamp())

    def meets(self, start_s: float, end_s: float) -> bool:
        """Whether the period, or its schedule within it, has an instant in [start_s, end_s)."""
        start_s, end_s = max(start_s, self.start_s), min(end_s, self.end_s)
        if not start_s < end_s:
            return False
        return not self.schedule or any(entry.meets(start_s, end_s) for entry in self.schedule)


@dataclass(frozen=True, slots=True)
class Applicability:
    """The times of a zone: no periods means that it is permanent. Periods may overlap and need no order."""

    periods: tuple[Period, ...] = ()

    @property
    def permanent(self) -> bool:
        """Whether the zone applies at all times."""
        return not self.periods

    @property
    def uncertain(self) -> bool:
        """Whether some entry is the wider reading of times that could not be interpreted exactly."""
        return any(entry.uncertain for period in self.periods for entry in period.schedule)

    def applies(self, start_s: float, end_s: float) -> bool:
        """Whether the zone applies at any instant of the half-open window [start_s, end_s), seconds since the epoch.

        A window of no length stands for its one instant. Infinite ends are allowed.

        Raises:
            ValueError: when a bound is not a number or the window ends before it starts.
        """
        if not start_s <= end_s:
            raise ValueError(f"not a window: {start_s} to {end_s}")
        if not self.periods:
            return True
        if start_s == end_s:
            end_s = math.nextafter(start_s, math.inf)
        return any(period.meets(start_s, end_s) for period in self.periods)


PERMANENT = Applicability()
"""Applies at all times."""


def periods(found: Iterable[Period]) -> Applicability:
    """An applicability of some periods; of none it would be permanent, so that is refused.

    Raises:
        ValueError: when there are no periods.
    """
    kept = tuple(found)
    if not kept:
        raise ValueError("no periods: say PERMANENT where that is meant")
    return Applicability(kept)
