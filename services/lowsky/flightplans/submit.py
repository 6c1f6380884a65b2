"""The submission path: always a batch, whichever way the plans came.

    proposals → 4D volumes → validity, geofence (and, in their place, conflicts with other plans) → plans
    one transaction: the answers by request id, the plans, the events

A plan that was checked against an airspace that the re-check has left behind (recheck.py) is not stored: the batch is
checked anew as soon as this worker has the newer one.

What fails for one plan fails for that plan alone, and nothing is stored of a proposal that is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime

import shapely

from lowsky.clock import Clock
from lowsky.db.database import Connection, Database
from lowsky.db.requests import Request, earlier_answers, kept_answers
from lowsky.errors import Invalid, LowskyError, Precondition, Unavailable
from lowsky.events.relay import Relay
from lowsky.flightplans.airspace import Airspace
from lowsky.flightplans.areas import Areas
from lowsky.flightplans.checks.validity import performance, require_in_time, require_standing
from lowsky.flightplans.domain.plan import Extent, FlightPlan
from lowsky.flightplans.domain.proposal import Proposal
from lowsky.flightplans.draw import Drawn, draw
from lowsky.flightplans.postgres import FlightPlanStore, rechecks_begun
from lowsky.flightplans.standing import Standing
from lowsky.geo.altitude import VerticalReference
from lowsky.geo.trajectory import Trajectory
from lowsky.geo.volumes import Volumes
from lowsky.geo.zone_index import ZoneIndex
from lowsky.geofence.findings import Finding
from lowsky.geofence.look import look
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


@dataclass(frozen=True, slots=True)
class Assessed:
    """A plan as the checks leave it, and the answer that its submitter gets."""

    plan: FlightPlan
    answer: bytes


class _Overtaken(Exception):
    """Plans are being checked again, against an airspace of this revision."""

    def __init__(self, revision: int) -> None:
        super().__init__(revision)
        self.revision = revision


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
    ) -> None:
        self._database = database
        self._relay = relay
        self._clock = clock
        self._standing = standing
        self._airspace = airspace
        self._areas = areas
        self._reference = reference
        self._to_answer = to_answer

    async def submit(self, batch: Sequence[Submission]) -> Sequence[bytes | LowskyError]:
        """The answer to each submission, or why it is refused, in the same order.

        Raises:
            Unavailable: The database is away: nothing was stored, or the same request ids will tell what was.
        """
        needed = 0
        while True:
            zones = await self._zones_of(needed)  # one revision for the whole batch
            try:
                return await self._check_and_commit(batch, zones)
            except _Overtaken as overtaken:
                needed = overtaken.revision

    async def _zones_of(self, revision: int) -> ZoneIndex[object]:
        """The airspace in force, of at least a revision.

        Raises:
            Unavailable: This worker does not hear of it.
        """
        try:
            async with asyncio.timeout(NEWER_AIRSPACE_S_MAX):
                return await self._airspace.newer_than(revision - 1)
        except TimeoutError:
            raise Unavailable(
                "NOT_CAUGHT_UP", f"this worker has not heard of airspace revision {revision} yet", retry_after_s=1.0
            ) from None

    async def _check_and_commit(
        self, batch: Sequence[Submission], zones: ZoneIndex[object]
    ) -> Sequence[bytes | LowskyError]:
        now = self._clock.now()
        drawn, geofence_findings = await self._look(batch, zones)
        assessed = [
            self._assess(submission, drawn, n, geofence_findings[n], zones, now) for n, submission in enumerate(batch)
        ]
        return await self._commit(batch, assessed, zones.revision)

    async def _look(self, batch: Sequence[Submission], zones: ZoneIndex[object]) -> tuple[Drawn, list[list[Finding]]]:
        """The geometry: volumes, and the zones and areas that they enter."""
        proposals = [submission.proposal for submission in batch]
        areas = self._areas.index

        def draw_and_look() -> tuple[Drawn, list[list[Finding]]]:
            drawn = draw(proposals, self._reference)
            return drawn, look(zones, areas, drawn.volumes, len(proposals), self._reference)

        legs = sum(len(p.airspace) for p in proposals)
        return draw_and_look() if legs <= LEGS_ON_LOOP_MAX else await asyncio.to_thread(draw_and_look)

    def _assess(
        self,
        submission: Submission,
        drawn: Drawn,
        place: int,
        geofence_findings: Sequence[Finding],
        zones: ZoneIndex[object],
        now: datetime,
    ) -> Assessed | LowskyError:
        """The plan as the checks leave it, or why there is none."""
        proposal = submission.proposal
        if place in drawn.refused:
            return drawn.refused[place]
        volumes = drawn.volumes.of_owner(place)
        try:
            require_few(geofence_findings, "flight_plan")
            require_airspace(zones)
            require_in_time(proposal.departure, now)
            # Only now: a time that is far out may have no date.
            start = datetime.fromtimestamp(float(volumes.start_s.min()), UTC)
            end = datetime.fromtimestamp(float(volumes.end_s.max()), UTC)
            aircraft = require_standing(
                proposal.operator,
                proposal.aircraft,
                self._standing.operator(proposal.operator),
                self._standing.aircraft(proposal.aircraft),
                end,
            )
        except (Invalid, Precondition) as refusal:
            return refusal
        plan = FlightPlan(
            name=submission.name,
            operator=proposal.operator,
            aircraft=proposal.aircraft,
            content=proposal.content,
            start=start,
            end=end,
            extent=extent_of(volumes),
            create_time=now,
            update_time=now,
        )
        plan.assess([*performance(proposal, aircraft, _flight_s(proposal)), *geofence_findings], zones.revision)
        return Assessed(plan, self._to_answer(plan))

    async def _commit(
        self, batch: Sequence[Submission], assessed: Sequence[Assessed | LowskyError], airspace_revision: int
    ) -> Sequence[bytes | LowskyError]:
        """Stores what is new and not refused, all or nothing; a request that came before keeps its answer.

        Raises:
            _Overtaken: Plans have begun to be checked against a newer airspace: nothing was stored.
        """
        outcomes = [item.answer if isinstance(item, Assessed) else item for item in assessed]
        wet = [n for n, submission in enumerate(batch) if not submission.dry_run]
        if not wet:
            return outcomes
        fresh = [(n, item) for n in wet if isinstance(item := assessed[n], Assessed)]
        refused = [n for n in wet if not isinstance(assessed[n], Assessed)]
        async with self._database.transaction() as connection:
            if fresh and (begun := await rechecks_begun(connection)) > airspace_revision:
                raise _Overtaken(begun)
            for n, kept in zip(refused, await _kept(connection, [batch[n].request for n in refused]), strict=True):
                # It may have been accepted once, when it was not too late yet: then that is the answer.
                outcomes[n] = kept or outcomes[n]
            earlier = await earlier_answers(
                connection, [batch[n].request for n, _ in fresh], [item.answer for _, item in fresh]
            )
            new = []
            for (n, item), kept in zip(fresh, earlier, strict=True):
                if kept is None:
                    new.append((item.plan, batch[n].context))
                else:
                    outcomes[n] = kept
            await FlightPlanStore(connection).add(new)
        self._relay.wake()
        return outcomes


def extent_of(volumes: Volumes) -> Extent:
    """The box around volumes: outlines are cut at the antimeridian, so it never wraps."""
    west, south, east, north = shapely.total_bounds(volumes.outlines)
    return float(west), float(south), float(east), float(north)


def _flight_s(proposal: Proposal) -> float:
    airspace = proposal.airspace
    if isinstance(airspace, Trajectory):
        return float(airspace.times_s[-1] - airspace.times_s[0])
    return max(volume.end_s for volume in airspace) - min(volume.start_s for volume in airspace)


async def _kept(connection: Connection, requests: Sequence[Request]) -> Sequence[bytes | LowskyError | None]:
    return await kept_answers(connection, requests) if requests else []
