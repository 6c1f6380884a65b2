"""The submission path: always a batch, whichever way the plans came.

    proposals → 4D volumes, nodes → validity, geofence → plans
    one transaction: the answers by request id → who may hold the airspace (holding.py) → plans, reservations, events

A plan that was checked against an airspace that the re-check has left behind (recheck.py) is not stored: the batch is
checked anew as soon as this worker has the newer one.

What fails for one plan fails for that plan alone, and nothing is stored of a proposal that is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from lowsky.clock import Clock
from lowsky.db.database import Database
from lowsky.db.requests import Request, kept_answers
from lowsky.errors import Invalid, LowskyError, Precondition, Unavailable
from lowsky.events.relay import Relay
from lowsky.flightplans.checks.draw import Drawn, draw
from lowsky.flightplans.checks.law import missing_contents, require_documents
from lowsky.flightplans.checks.validity import performance, require_entitled, require_in_time, require_standing
from lowsky.flightplans.domain.plan import Extent, FlightPlan
from lowsky.flightplans.domain.proposal import Proposal
from lowsky.flightplans.holding.deciding import Holding, TooMuchHeldNearby
from lowsky.flightplans.postgres.rechecks import Begun
from lowsky.flightplans.postgres.reservations import too_large
from lowsky.flightplans.projections.airspace import Airspace
from lowsky.flightplans.projections.areas import Areas, StatedAreas
from lowsky.flightplans.projections.law import Law
from lowsky.flightplans.projections.standing import Standing
from lowsky.flightplans.submission.commit import Answer, CheckedPlan, Commit, Overtaken
from lowsky.geo.heights.altitude import VerticalReference
from lowsky.geo.thread_locks import InUse
from lowsky.geo.volumes.encoding import Line
from lowsky.geo.volumes.nodes import Cover, cover_of
from lowsky.geo.volumes.trajectory import Trajectory, ground_speeds_m_s
from lowsky.geo.volumes.volumes import Volumes
from lowsky.geo.zones.index import ZoneIndex
from lowsky.geofence.look import Surroundings, survey
from lowsky.geofence.refusals import require_airspace, require_few

LEGS_ON_LOOP_MAX = 2_000
"""Geometry of more legs goes to a thread: some 5 ms, after which other calls and heartbeats would wait."""

NEWER_AIRSPACE_S_MAX = 5.0
"""How long a batch waits for an airspace that another worker has already: its index is built in that time."""


@dataclass(frozen=True, slots=True)
class Submission:
    """One proposal on its way."""

    request: Request
    proposal: Proposal
    name: str
    """What the plan will be called; empty for a dry run."""
    dry_run: bool
    context: Context = field(default_factory=copy_context)
    """Of the call that brought it: the batch is nobody's, but what is told of a plan continues its caller's trace."""


class Around(NamedTuple):
    """The time and the box around the volumes of a plan: outlines are cut at the antimeridian, so it never wraps."""

    start_s: float
    end_s: float
    extent: Extent


@dataclass(frozen=True, slots=True)
class Looked:
    """The geometry of a batch: what was drawn, the nodes that it meets, and what each plan's geofence says."""

    drawn: Drawn
    around: Mapping[int, Around]
    """When and where each plan that could be drawn is."""
    cover: Cover
    surroundings: Surroundings
    speeds: Mapping[int, NDArray[np.float64]]
    """Over the ground, on the legs of trajectories."""
    areas: StatedAreas

    def of(self, places: Sequence[int]) -> tuple[Volumes, Cover]:
        """The volumes and nodes of some plans, by their places there."""
        return self.drawn.volumes.of_owners(places), self.cover.of_owners(places)


class SubmissionPath:
    """Takes batches of submissions from proposal to commit."""

    def __init__(
        self,
        *,
        database: Database,
        relay: Relay,
        clock: Clock,
        standing: Standing,
        airspace: Airspace,
        areas: Areas,
        reference: VerticalReference,
        to_answer: Callable[[FlightPlan], bytes],
        holding: Holding,
        law: Law,
    ) -> None:
        self._database = database
        self._relay = relay
        self._clock = clock
        self._standing = standing
        self._airspace = airspace
        self._areas = areas
        self._reference = reference
        self._to_answer = to_answer
        self._holding = holding
        self._law = law
        self._commit = Commit(database, holding, to_answer)

    async def submit(self, batch: Sequence[Submission]) -> Sequence[bytes | LowskyError]:
        """The answer to each submission, or why it is refused, in the same order.

        Raises:
            Unavailable: The database is away: nothing was stored, or the same request ids will tell what was.
        """
        needed = Begun(0, 0, b"")
        while True:
            zones = await self._zones_of(needed)  # one revision for the whole batch
            try:
                return await self._check_and_commit(batch, zones)
            except Overtaken as overtaken:
                needed = overtaken.begun

    async def _zones_of(self, needed: Begun) -> ZoneIndex[object]:
        """The airspace in force, as soon as it and the areas are as new as needed.

        Raises:
            Unavailable: This worker does not hear of it.
        """
        try:
            async with asyncio.timeout(NEWER_AIRSPACE_S_MAX):
                if self._areas.stated.is_overtaken_by(needed.areas_read, needed.areas_digest):
                    await self._areas.read_beyond(needed.areas_read - 1)
                return await self._airspace.newer_than(needed.airspace_revision - 1)
        except TimeoutError:
            raise Unavailable(
                "NOT_CAUGHT_UP",
                f"this worker has not heard of airspace revision {needed.airspace_revision} yet, or of the areas of "
                "authorities that plans are checked against",
                retry_after_s=1.0,
            ) from None

    async def _check_and_commit(self, batch: Sequence[Submission], zones: ZoneIndex[object]) -> Sequence[Answer]:
        now = self._clock.now()
        looked = await self._look(batch, zones)
        checked = [self._check(submission, looked, n, zones, now) for n, submission in enumerate(batch)]
        outcomes: list[Answer] = [one if isinstance(one, LowskyError) else one.answer for one in checked]
        for is_dry, decide in ((True, self._look_at_others), (False, self._store)):
            good = {
                n: one for n, one in enumerate(checked) if isinstance(one, CheckedPlan) and batch[n].dry_run is is_dry
            }
            for n, outcome in zip(good, await decide(good, looked, zones.revision, now), strict=True):
                outcomes[n] = outcome
        refused = [n for n, one in enumerate(checked) if isinstance(one, LowskyError) and not batch[n].dry_run]
        if refused:
            async with self._database.connection() as connection:
                kept = await kept_answers(connection, [batch[n].request for n in refused])
            for n, answer in zip(refused, kept, strict=True):
                # It may have been accepted once, when it was not too late yet: then that is the answer.
                outcomes[n] = answer or outcomes[n]
        return outcomes

    async def _look(self, batch: Sequence[Submission], zones: ZoneIndex[object]) -> Looked:
        """The geometry: volumes, and the nodes, zones and areas that they enter."""
        proposals = [submission.proposal for submission in batch]
        areas = self._areas.stated

        def draw_and_look() -> Looked:
            drawn = draw(proposals, self._reference)
            volumes = drawn.volumes
            boxes = shapely.bounds(volumes.outlines).reshape(-1, 4)
            flown = {n: p.airspace for n, p in enumerate(proposals) if isinstance(p.airspace, Trajectory)}
            return Looked(
                drawn,
                _around(volumes, boxes),
                cover_of(volumes, self._reference),
                survey(zones, areas.index, volumes, len(proposals), self._reference),
                dict(zip(flown, ground_speeds_m_s(list(flown.values())), strict=True)),
                areas,
            )

        legs = sum(len(p.airspace) for p in proposals)
        if legs <= LEGS_ON_LOOP_MAX:
            with suppress(InUse):  # by a thread that looks at many flights
                return draw_and_look()
        return await asyncio.to_thread(draw_and_look)

    def _check(
        self, submission: Submission, looked: Looked, place: int, zones: ZoneIndex[object], now: datetime
    ) -> CheckedPlan | LowskyError:
        """The plan as the checks leave it, or why there is none."""
        proposal, drawn = submission.proposal, looked.drawn
        findings, authorities = looked.surroundings.findings[place], looked.surroundings.authorities[place]
        if place in drawn.refused:
            return drawn.refused[place]
        around = looked.around[place]
        try:
            require_few(findings, "flight_plan")
            require_airspace(zones)
            require_in_time(proposal.departure, now, self._law.horizon(authorities))
            if place in looked.cover.too_large:
                raise too_large("flight_plan", "the flight holds more airspace than one may:")
            # Only now: a time that is far out may have no date.
            start = datetime.fromtimestamp(around.start_s, UTC)
            end = datetime.fromtimestamp(around.end_s, UTC)
            standing, aircraft = require_standing(
                proposal.operator,
                proposal.aircraft,
                self._standing.operator(proposal.operator),
                self._standing.aircraft(proposal.aircraft),
            )
            needs = self._law.needs(authorities, proposal, standing, aircraft)
            require_documents(proposal.operator, standing, needs, end)
            require_entitled(proposal.priority, standing, "flight_plan.priority")
        except (Invalid, Precondition) as refusal:
            return refusal
        plan = FlightPlan(
            name=submission.name,
            operator=proposal.operator,
            aircraft=proposal.aircraft,
            content=proposal.content,
            start=start,
            end=end,
            extent=around.extent,
            create_time=now,
            update_time=now,
        )
        limits = performance(proposal, aircraft, _flight_s(proposal), looked.speeds.get(place))
        applications = self._law.applications(looked.surroundings.areas[place], proposal, standing, aircraft)
        plan.assess([*missing_contents(proposal, needs), *limits, *applications, *findings], zones.revision)
        return CheckedPlan(
            submission.request,
            submission.context,
            plan,
            proposal.priority,
            proposal.supersedes,
            _line_of(proposal),
            self._to_answer(plan),
        )

    async def _store(
        self, good: Mapping[int, CheckedPlan], looked: Looked, revision: int, now: datetime
    ) -> Sequence[Answer]:
        """Stores plans, by their places in the batch.

        Raises:
            Overtaken: Plans have begun to be checked against a newer airspace.
        """
        if not good:
            return []
        volumes, nodes = looked.of(list(good))
        outcomes = await self._commit.store(list(good.values()), volumes, nodes, revision, looked.areas, now)
        self._relay.wake()
        return outcomes

    async def _look_at_others(
        self, good: Mapping[int, CheckedPlan], looked: Looked, _revision: int, now: datetime
    ) -> Sequence[Answer]:
        """What other flights would say to dry runs, which hold nothing and are in nobody's way."""
        contending = {n: one for n, one in good.items() if one.contends}
        if not contending:
            return [one.answer for one in good.values()]
        volumes, nodes = looked.of(list(contending))
        contenders = [one.contender for one in contending.values()]
        after: dict[int, Answer] = {}
        try:
            async with self._database.connection() as connection:
                verdicts = await self._holding.look(connection, contenders, volumes, nodes)
            after = {n: self._commit.after(good[n], verdict) for n, verdict in zip(contending, verdicts, strict=True)}
        except TooMuchHeldNearby as crowded:
            out = {n for place, n in enumerate(contending) if place in crowded.places}
            rest = {n: one for n, one in good.items() if n not in out}
            others = await self._look_at_others(rest, looked, _revision, now)
            after = dict(zip(rest, others, strict=True)) | dict.fromkeys(out, crowded.refusal())
        return [after.get(n, one.answer) for n, one in good.items()]


def _around(volumes: Volumes, boxes: NDArray[np.float64]) -> Mapping[int, Around]:
    """By the place of the plan."""
    if not len(volumes):
        return {}
    begins = np.flatnonzero(np.r_[True, np.diff(volumes.owner) != 0])
    least = np.minimum.reduceat(np.column_stack([volumes.start_s, boxes[:, :2]]), begins, axis=0).tolist()
    greatest = np.maximum.reduceat(np.column_stack([volumes.end_s, boxes[:, 2:]]), begins, axis=0).tolist()
    return {
        owner: Around(start_s, end_s, (west, south, east, north))
        for owner, (start_s, west, south), (end_s, east, north) in zip(
            volumes.owner[begins].tolist(), least, greatest, strict=True
        )
    }


def _line_of(proposal: Proposal) -> Line | None:
    airspace = proposal.airspace
    if isinstance(airspace, Trajectory):
        return Line(airspace.longitudes, airspace.latitudes, airspace.horizontal_buffer_m)
    return None


def _flight_s(proposal: Proposal) -> float:
    airspace = proposal.airspace
    if isinstance(airspace, Trajectory):
        return float(airspace.times_s[-1] - airspace.times_s[0])
    return max(volume.end_s for volume in airspace) - min(volume.start_s for volume in airspace)
