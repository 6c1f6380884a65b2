"""Where other flights are in the way: the nearest time and the nearest altitude at which the same plan would pass now.

    what is held around, over the times and heights that the plan may be moved to, and when the aircraft is busy
    → shifts that these forbid, exactly
    → free shifts, the nearest first → each by all checks of a submission, as a dry run → the first that passes

An alternative holds nothing, and may be gone when somebody asks for it.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final
from uuid import uuid4

import numpy as np
import structlog

from lowsky.clock import Clock
from lowsky.db.database import Database
from lowsky.errors import LowskyError
from lowsky.flightplans.checks.draw import draw
from lowsky.flightplans.checks.validity import AHEAD_MAX
from lowsky.flightplans.domain.proposal import Proposal
from lowsky.flightplans.openings.free_shifts import clearance_m, free_heights, free_times
from lowsky.flightplans.openings.nearby import TooManyFlights, nearby, taken
from lowsky.flightplans.openings.turns import Turns
from lowsky.flightplans.postgres.reservations import Contender
from lowsky.flightplans.submission.path import Submission, SubmissionPath
from lowsky.geo.heights.altitude import VerticalReference
from lowsky.geo.volumes.nodes import Cover, cover_of
from lowsky.geo.volumes.shifts import Gap, nearest_first
from lowsky.geo.volumes.volumes import Volumes

log = structlog.get_logger()

HORIZON: Final = timedelta(hours=2)
"""Sooner or later than asked: beyond that it is another plan for the day."""

LEAD: Final = timedelta(seconds=30)
"""From now until an alternative departs: somebody must read it, and ask."""

HIGHER_M_MAX: Final = 120.0
"""Up or down: the height to which most flights are bound anyhow (EU 2019/947, UAS.OPEN.010)."""

GRAIN_S: Final = 0.001
STRIDE_S: Final = 300.0
GRAIN_M: Final = 1.0
"""What a person can fly."""
STRIDE_M: Final = 10.0
"""From one try to the next, where something else than flights is in the way."""

TRIES: Final = (2, 10)
"""Candidates of each kind that are checked together: mostly the first one passes, and a check takes milliseconds."""

TRIED_LEGS_MAX: Final = 8_000
"""Of a long plan fewer are checked: some 300 ms in a thread."""

AT_ONCE: Final = 2
"""Searches of a worker at a time: submissions go first."""

TIME_S_MAX: Final = 3.0
"""How long an answer waits for its alternatives; then it goes without."""


_TIMES, _HEIGHTS = 0, 1
"""Places of what is looked for around the plan: at other times, and at other heights."""


@dataclass(frozen=True, slots=True)
class Shift:
    """A whole plan in time, or in altitude."""

    later_s: float | None = None
    higher_m: float | None = None


class Alternatives:
    """Searches."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        reference: VerticalReference,
        path: SubmissionPath,
        moved: Callable[[Proposal, Shift], Proposal],
        is_accepted: Callable[[bytes], bool],
    ) -> None:
        self._database = database
        self._clock = clock
        self._reference = reference
        self._path = path
        self._moved = moved
        self._is_accepted = is_accepted
        self._turns = Turns(AT_ONCE)

    async def of(self, submission: Submission) -> Sequence[Shift]:
        """The nearest time and the nearest altitude that pass; fewer where none does, or where there is no time to
        look."""
        try:
            async with asyncio.timeout(TIME_S_MAX):
                return await self._turns.take(lambda: self._find(submission), TIME_S_MAX)
        except (TimeoutError, LowskyError, TooManyFlights) as fault:
            # The answer itself stands, and must not be lost for want of a hint.
            log.info("no alternatives looked for", why=str(fault) or "too busy")
            return []

    async def _find(self, submission: Submission) -> Sequence[Shift]:
        proposal = submission.proposal
        drawn = await asyncio.to_thread(draw, [proposal], self._reference)
        if drawn.refused:
            return []
        mine = drawn.volumes
        earliest_s = (self._clock.now() + LEAD - proposal.departure).total_seconds()
        latest_s = (self._clock.now() + AHEAD_MAX - proposal.departure).total_seconds()
        horizon_s = HORIZON.total_seconds()
        times = max(-horizon_s, earliest_s), min(horizon_s, latest_s)
        heights = -min(HIGHER_M_MAX, clearance_m(mine, self._reference)), HIGHER_M_MAX
        nodes = await asyncio.to_thread(self._around, mine, times, heights)
        near = await nearby(self._database, nodes, proposal.priority)
        superseded = proposal.supersedes.rpartition("/")[2]
        near = [held for held in near if str(held.plan) != superseded]
        start_s, end_s = float(mine.start_s.min()), float(mine.end_s.max())
        contender = Contender(
            uuid4(), proposal.operator, proposal.aircraft, proposal.priority, proposal.supersedes
        )  # by an id of its own: it has none
        early, late = min(times[0], 0.0), max(times[1], 0.0)
        busy = await taken(self._database, contender, start_s + early, end_s + late)
        stays = not any(start < end_s and start_s < end for start, end in busy)

        def candidates() -> list[Iterator[Shift]]:
            found: list[Iterator[Shift]] = []
            if _TIMES not in nodes.too_large:
                there = [held.volumes for held in near if held.place == _TIMES]
                gaps = free_times(mine, there, times, self._reference, busy)
                found.append(Shift(later_s=s) for s in nearest_first(gaps, GRAIN_S, STRIDE_S))
            if stays and _HEIGHTS not in nodes.too_large:
                gaps = free_heights(
                    mine, [held.volumes for held in near if held.place == _HEIGHTS], heights, self._reference
                )
                found.append(Shift(higher_m=m) for m in nearest_first(gaps, GRAIN_M, STRIDE_M))
            return found

        return await self._first_that_pass(submission, await asyncio.to_thread(candidates), len(mine))

    def _around(self, mine: Volumes, times: Gap, heights: Gap) -> Cover:
        """The nodes of the plan at all those times, and at all those heights."""
        early, late = min(times[0], 0.0), max(times[1], 0.0)
        at_times = replace(mine, start_s=mine.start_s + early, end_s=mine.end_s + late)
        at_heights = replace(
            mine,
            lower_m=mine.lower_m + heights[0],
            upper_m=mine.upper_m + heights[1],
            owner=np.full(len(mine), _HEIGHTS),
        )
        both = Volumes.join([at_times, at_heights])
        return cover_of(both, self._reference)

    async def _first_that_pass(
        self, submission: Submission, kinds: Sequence[Iterator[Shift]], legs: int
    ) -> Sequence[Shift]:
        """Of each kind of move the first one that passes the checks of a submission; where nothing is in the way any
        more, the one that moves nothing."""
        passed: dict[int, Shift] = {}
        for tries in TRIES:
            few = max(1, min(tries, TRIED_LEGS_MAX // legs))
            batch = [
                (kind, move)
                for kind, moves in enumerate(kinds)
                if kind not in passed
                for move in itertools.islice(moves, few)
            ]
            for (kind, move), accepted in zip(batch, await self._pass(submission, [m for _, m in batch]), strict=True):
                if accepted:
                    passed.setdefault(kind, move)
        as_it_is = [move for move in passed.values() if not (move.later_s or move.higher_m)]
        return as_it_is[:1] or [passed[kind] for kind in sorted(passed)]

    async def _pass(self, submission: Submission, moves: Sequence[Shift]) -> Sequence[bool]:
        if not moves:
            return []

        def move_all() -> list[Submission]:
            return [
                replace(submission, proposal=self._moved(submission.proposal, move), name="", dry_run=True)
                for move in moves
            ]

        outcomes = await self._path.submit(await asyncio.to_thread(move_all))
        return [isinstance(outcome, bytes) and self._is_accepted(outcome) for outcome in outcomes]
