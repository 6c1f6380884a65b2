"""Alternatives to a plan that conflicts with other flights: the nearest time and altitude at which it would pass now.

    nearby reservations, over the times and heights that the plan may be moved to, and when the aircraft is occupied
    → the exact shifts that these forbid
    → free shifts, the nearest first → each through all checks of a submission, as a dry run → the first that passes

An alternative reserves nothing, and may be taken before it is submitted.
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
from lowsky.flightplans.checks.flight_volumes import draw
from lowsky.flightplans.checks.validity import AHEAD_MAX
from lowsky.flightplans.domain.proposal import Proposal
from lowsky.flightplans.openings.concurrency_limit import Turns
from lowsky.flightplans.openings.free_shifts import clearance_m, free_heights, free_times
from lowsky.flightplans.openings.nearby_reservations import TooManyFlights, nearby, taken
from lowsky.flightplans.postgres.reservations import Contender
from lowsky.flightplans.submission.submit import Submission, SubmissionPath
from lowsky.geo.heights.altitude import VerticalReference
from lowsky.geo.volumes.nodes import Cover, cover_of
from lowsky.geo.volumes.shifts import Gap, nearest_first
from lowsky.geo.volumes.volumes import Volumes

log = structlog.get_logger()

HORIZON: Final = timedelta(hours=2)
"""The largest shift in time, earlier or later: beyond it the operator would plan another flight."""

LEAD: Final = timedelta(seconds=30)
"""The earliest departure of an alternative from now: somebody must read and submit it."""

HIGHER_M_MAX: Final = 120.0
"""The largest shift up or down: the height to which most flights are limited anyway (EU 2019/947, UAS.OPEN.010)."""

GRAIN_S: Final = 0.001
STRIDE_S: Final = 300.0
GRAIN_M: Final = 1.0
"""The precision with which a person can fly."""
STRIDE_M: Final = 10.0
"""Step from one candidate to the next, when something other than flights rejects the plan."""

TRIES: Final = (2, 10)
"""Candidates of each kind that are checked together: usually the first one passes, and a check takes milliseconds."""

TRIED_LEGS_MAX: Final = 8_000
"""Legs that are checked together, some 300 ms in a thread: for a long plan fewer candidates are checked."""

AT_ONCE: Final = 2
"""Concurrent searches of a worker: submissions take precedence."""

TIME_S_MAX: Final = 3.0
"""How long a response waits for its alternatives; then it is sent without them."""


_TIMES, _HEIGHTS = 0, 1
"""Owners in the cover around the plan: at other times, and at other heights."""


@dataclass(frozen=True, slots=True)
class Shift:
    """A shift of a whole plan, in time or in altitude."""

    later_s: float | None = None
    higher_m: float | None = None


class Alternatives:
    """Searches for alternatives."""

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
        """The nearest time and the nearest altitude that pass; fewer if none is found, or if there is no time to
        search."""
        try:
            async with asyncio.timeout(TIME_S_MAX):
                return await self._turns.take(lambda: self._find(submission), TIME_S_MAX)
        except (TimeoutError, LowskyError, TooManyFlights) as fault:
            # The response itself is complete, and must not be lost because a suggestion is missing.
            log.info("no alternatives searched", why=str(fault) or "too busy")
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
        )  # with a new id, because a proposal has none
        early, late = min(times[0], 0.0), max(times[1], 0.0)
        busy = await taken(self._database, contender, start_s + early, end_s + late)
        stays = not any(start < end_s and start_s < end for start, end in busy)

        def candidates() -> list[Iterator[Shift]]:
            found: list[Iterator[Shift]] = []
            if _TIMES not in nodes.too_large:
                others = [held.volumes for held in near if held.index == _TIMES]
                gaps = free_times(mine, others, times, self._reference, busy)
                found.append(Shift(later_s=s) for s in nearest_first(gaps, GRAIN_S, STRIDE_S))
            if stays and _HEIGHTS not in nodes.too_large:
                others = [held.volumes for held in near if held.index == _HEIGHTS]
                gaps = free_heights(mine, others, heights, self._reference)
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
        """For each kind of shift the first one that passes the checks of a submission; if the conflict has gone, only
        the shift by zero."""
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
        unmoved = [move for move in passed.values() if not (move.later_s or move.higher_m)]
        return unmoved[:1] or [passed[kind] for kind in sorted(passed)]

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
