"""The submission path: always a batch, whether plans were sent one by one or in a stream.

    proposals → 4D volumes, nodes → validity, geofence → plans
    one transaction: responses by request id → conflict decision (holding) → plans, reservations, events

A plan that was checked against an older airspace than the last re-check (recheck.py) is not stored: the batch is
checked again as soon as this worker has the newer airspace.

An error of one plan does not affect the others, and nothing is stored of a proposal that is refused.
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
from lowsky.db.idempotency import Request, kept_answers
from lowsky.errors import Invalid, LowskyError, Precondition, Unavailable
from lowsky.events.relay import Relay
from lowsky.flightplans.checks.flight_volumes import Drawn, draw
from lowsky.flightplans.checks.law import missing_contents, require_documents
from lowsky.flightplans.checks.validity import performance, require_entitled, require_in_time, require_standing
from lowsky.flightplans.domain.plan import Extent, FlightPlan
from lowsky.flightplans.domain.proposal import Proposal
from lowsky.flightplans.holding.reserving import Holding, TooMuchHeldNearby
from lowsky.flightplans.postgres.rechecks import Begun
from lowsky.flightplans.postgres.reservations import too_large
from lowsky.flightplans.projections.airspace import Airspace
from lowsky.flightplans.projections.applicable_law import Law
from lowsky.flightplans.projections.areas import Areas, StatedAreas
from lowsky.flightplans.projections.standing import Standing
from lowsky.flightplans.submission.commit import Answer, CheckedPlan, Commit, Overtaken
from lowsky.geo.heights.altitude import VerticalReference
from lowsky.geo.thread_locks import InUse
from lowsky.geo.volumes.encoding import Line
from lowsky.geo.volumes.nodes import Cover, cover_of
from lowsky.geo.volumes.trajectory import Trajectory, ground_speeds_m_s
from lowsky.geo.volumes.volumes import Volumes
from lowsky.geo.zones.index import ZoneIndex
from lowsky.geofence.assessing import Surroundings, survey
from lowsky.geofence.refusals import require_airspace, require_few

LEGS_ON_LOOP_MAX = 2_000
"""Legs whose geometry is computed on the event loop, some 5 ms. More go to a thread, so that other calls and heartbeats
do not wait."""

NEWER_AIRSPACE_S_MAX = 5.0
"""How long a batch waits for an airspace that another worker already has: long enough to build its index."""


@dataclass(frozen=True, slots=True)
class Submission:
    """One proposal to be processed."""

    request: Request
    proposal: Proposal
    name: str
    """The name that the plan will have; empty for a dry run."""
    dry_run: bool
    context: Context = field(default_factory=copy_context)
    """Context of its call: a batch belongs to no call, but the events of a plan continue the trace of its caller."""


class Bounds(NamedTuple):
    """The time and the box around the volumes of a plan: outlines are cut at the antimeridian, so it never wraps."""

    start_s: float
    end_s: float
    extent: Extent


@dataclass(frozen=True, slots=True)
class Surveyed:
    """The geometry of a batch: volumes, the nodes that they cover, and the findings of each plan's geofence."""

    drawn: Drawn
    bounds: Mapping[int, Bounds]
    """Of each plan that could be drawn, by index."""
    cover: Cover
    surroundings: Surroundings
    speeds: Mapping[int, NDArray[np.float64]]
    """Ground speeds on the legs of trajectories, by index of the plan."""
    areas: StatedAreas

    def of(self, indexes: Sequence[int]) -> tuple[Volumes, Cover]:
        """The volumes and nodes of some plans, by their indexes in the batch."""
        return self.drawn.volumes.of_owners(indexes), self.cover.of_owners(indexes)


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
        """The response to each submission, or the error with which it is refused, in the same order.

        Raises:
            Unavailable: The database cannot be reached. If anything was stored, a retry with the same request ids
                returns the stored responses.
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
            Unavailable: This worker did not receive them in time.
        """
        try:
            async with asyncio.timeout(NEWER_AIRSPACE_S_MAX):
                if self._areas.stated.is_overtaken_by(needed.areas_read, needed.areas_digest):
                    await self._areas.read_beyond(needed.areas_read - 1)
                return await self._airspace.newer_than(needed.airspace_revision - 1)
        except TimeoutError:
            raise Unavailable(
                "NOT_CAUGHT_UP",
                f"this worker has not yet received airspace revision {needed.airspace_revision}, or the areas of "
                "authorities against which plans are checked",
                retry_after_s=1.0,
            ) from None

    async def _check_and_commit(self, batch: Sequence[Submission], zones: ZoneIndex[object]) -> Sequence[Answer]:
        now = self._clock.now()
        surveyed = await self._survey(batch, zones)
        checked = [self._check(submission, surveyed, n, zones, now) for n, submission in enumerate(batch)]
        outcomes: list[Answer] = [one if isinstance(one, LowskyError) else one.answer for one in checked]
        for is_dry, decide in ((True, self._preview), (False, self._store)):
            good = {
                n: one for n, one in enumerate(checked) if isinstance(one, CheckedPlan) and batch[n].dry_run is is_dry
            }
            for n, outcome in zip(good, await decide(good, surveyed, zones.revision, now), strict=True):
                outcomes[n] = outcome
        refused = [n for n, one in enumerate(checked) if isinstance(one, LowskyError) and not batch[n].dry_run]
        if refused:
            async with self._database.connection() as connection:
                kept = await kept_answers(connection, [batch[n].request for n in refused])
            for n, answer in zip(refused, kept, strict=True):
                # The same request may have been accepted earlier, when it was still valid: then that response counts.
                outcomes[n] = answer or outcomes[n]
        return outcomes

    async def _survey(self, batch: Sequence[Submission], zones: ZoneIndex[object]) -> Surveyed:
        """The geometry: volumes, and the nodes, zones and areas that they enter."""
        proposals = [submission.proposal for submission in batch]
        areas = self._areas.stated

        def draw_and_survey() -> Surveyed:
            drawn = draw(proposals, self._reference)
            volumes = drawn.volumes
            boxes = shapely.bounds(volumes.outlines).reshape(-1, 4)
            flown = {n: p.airspace for n, p in enumerate(proposals) if isinstance(p.airspace, Trajectory)}
            return Surveyed(
                drawn,
                _bounds(volumes, boxes),
                cover_of(volumes, self._reference),
                survey(zones, areas.index, volumes, len(proposals), self._reference),
                dict(zip(flown, ground_speeds_m_s(list(flown.values())), strict=True)),
                areas,
            )

        legs = sum(len(p.airspace) for p in proposals)
        if legs <= LEGS_ON_LOOP_MAX:
            with suppress(InUse):  # by a thread that checks many flights
                return draw_and_survey()
        return await asyncio.to_thread(draw_and_survey)

    def _check(
        self, submission: Submission, surveyed: Surveyed, index: int, zones: ZoneIndex[object], now: datetime
    ) -> CheckedPlan | LowskyError:
        """The plan after all checks that do not depend on other plans, or the error with which it is refused."""
        proposal, drawn = submission.proposal, surveyed.drawn
        findings, authorities = surveyed.surroundings.findings[index], surveyed.surroundings.authorities[index]
        if index in drawn.refused:
            return drawn.refused[index]
        bounds = surveyed.bounds[index]
        try:
            require_few(findings, "flight_plan")
            require_airspace(zones)
            require_in_time(proposal.departure, now, self._law.horizon(authorities))
            if index in surveyed.cover.too_large:
                raise too_large("flight_plan", "the flight requests more airspace than the limit of")
            # Only after the check of its time: a time that is far out of range cannot be converted.
            start = datetime.fromtimestamp(bounds.start_s, UTC)
            end = datetime.fromtimestamp(bounds.end_s, UTC)
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
            extent=bounds.extent,
            touched=tuple(sorted(authorities)),
            create_time=now,
            update_time=now,
        )
        limits = performance(proposal, aircraft, _flight_s(proposal), surveyed.speeds.get(index))
        applications = self._law.applications(surveyed.surroundings.areas[index], proposal, standing, aircraft)
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
        self, good: Mapping[int, CheckedPlan], surveyed: Surveyed, revision: int, now: datetime
    ) -> Sequence[Answer]:
        """Stores plans, by their indexes in the batch.

        Raises:
            Overtaken: A re-check against a newer airspace has begun.
        """
        if not good:
            return []
        volumes, nodes = surveyed.of(list(good))
        outcomes = await self._commit.store(list(good.values()), volumes, nodes, revision, surveyed.areas, now)
        self._relay.wake()
        return outcomes

    async def _preview(
        self, good: Mapping[int, CheckedPlan], surveyed: Surveyed, _revision: int, now: datetime
    ) -> Sequence[Answer]:
        """The responses to dry runs after the conflict decision; they reserve nothing, and block no other plan."""
        contending = {n: one for n, one in good.items() if one.contends}
        if not contending:
            return [one.answer for one in good.values()]
        volumes, nodes = surveyed.of(list(contending))
        contenders = [one.contender for one in contending.values()]
        after: dict[int, Answer] = {}
        try:
            async with self._database.connection() as connection:
                decisions = await self._holding.preview(connection, contenders, volumes, nodes)
            after = {n: self._commit.after(good[n], one) for n, one in zip(contending, decisions, strict=True)}
        except TooMuchHeldNearby as crowded:
            refused = {n for index, n in enumerate(contending) if index in crowded.indexes}
            others = {n: one for n, one in good.items() if n not in refused}
            answers = await self._preview(others, surveyed, _revision, now)
            after = dict(zip(others, answers, strict=True)) | dict.fromkeys(refused, crowded.refusal())
        return [after.get(n, one.answer) for n, one in good.items()]


def _bounds(volumes: Volumes, boxes: NDArray[np.float64]) -> Mapping[int, Bounds]:
    """The bounds of each plan, by its index."""
    if not len(volumes):
        return {}
    begins = np.flatnonzero(np.r_[True, np.diff(volumes.owner) != 0])
    least = np.minimum.reduceat(np.column_stack([volumes.start_s, boxes[:, :2]]), begins, axis=0).tolist()
    greatest = np.maximum.reduceat(np.column_stack([volumes.end_s, boxes[:, 2:]]), begins, axis=0).tolist()
    return {
        owner: Bounds(start_s, end_s, (west, south, east, north))
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
