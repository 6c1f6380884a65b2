"""When zones change, the plans that they affect are checked again; when areas of authorities change, all plans are.

    a newer airspace in force → begin: from now on no plan is stored that was checked against an earlier one
    find: changed zones → plans near them, by box and time → those whose volumes overlap one;
          and the plans whose findings name a zone that was removed or changed
    apply: the whole geofence again → new findings, and the transitions that follow
    → find and apply the next page of plans → end

One worker does it for all. Begin waits for submissions in progress, and later ones see that it has begun, so that each
plan is either found here or was checked against the newer airspace. Applying the same findings again has no effect, so
that another worker can restart what a worker that died left undone. Plans that no change affects are not written.

Areas also determine what lies in no authority's area, so that a change of one may affect plans far from it: every plan
that is not over is checked, a page at a time, and only those with different findings are written.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import NamedTuple

import structlog

from lowsky.clock import Clock
from lowsky.db.database import Connection, Database
from lowsky.errors import LowskyError, Unavailable
from lowsky.events.relay import Relay
from lowsky.findings.finding import Finding, Rule
from lowsky.flightplans.checks.flight_volumes import FIELD
from lowsky.flightplans.domain.plan import FINAL, FlightPlan
from lowsky.flightplans.postgres.plans import FlightPlanStore
from lowsky.flightplans.postgres.rechecks import (
    PageKey,
    PlansToRecheck,
    ToDo,
    Unchecked,
    begin_recheck,
    end_recheck,
)
from lowsky.flightplans.projections.airspace import Airspace
from lowsky.flightplans.projections.areas import Areas, StatedAreas
from lowsky.flightplans.recheck.affected_plans import boxes_of, touched
from lowsky.flightplans.recheck.lost_areas import TopicEnds, count_anew
from lowsky.geo.heights.altitude import VerticalReference
from lowsky.geo.zones.index import ZoneIndex
from lowsky.geofence.areas import AreaIndex
from lowsky.geofence.assessing import survey
from lowsky.geofence.flight_volumes import RequestedAirspace as Wanted
from lowsky.geofence.flight_volumes import draw
from lowsky.health import Health

log = structlog.get_logger()

PART = "recheck"

LATE_S = 60.0
"""How long a re-check may take before the worker's health reports it."""

PAGE_SIZE = 1_000
"""Plans of a page, whose geometry is in memory while the affected ones are found."""

BATCH = 200
"""Plans that are updated, and at most locked, at a time: some 50 ms, for which their operators' requests may wait."""

RETRY_S = 0.2
FAULT_RETRY_S = 5.0

_LOCK = 0x72656368  # "rech"

Findings = tuple[Finding, ...]


class Reassessed(NamedTuple):
    """The current findings of the geofence for a plan."""

    findings: Findings
    areas: Mapping[str, str]
    """The authorities in whose areas it flies, with their titles."""
    touched: frozenset[str]
    """The authorities whose area or geozones it touches."""


class Recheck:
    """Follows the airspace of its worker. Every worker runs one; the first to get the lock does the work."""

    def __init__(
        self,
        *,
        database: Database,
        relay: Relay,
        clock: Clock,
        airspace: Airspace,
        areas: Areas,
        areas_topic_ends: TopicEnds,
        reference: VerticalReference,
        health: Health,
        is_caught_up: Callable[[], bool],
        airspace_of: Callable[[bytes], Wanted],
        as_kept: Callable[[Iterable[Finding]], Findings],
        applications: Callable[[FlightPlan, Mapping[str, str]], Iterable[Finding] | None],
    ) -> None:
        self._database = database
        self._relay = relay
        self._clock = clock
        self._airspace = airspace
        self._areas = areas
        self._areas_topic_ends = areas_topic_ends
        """The present ends of lowsky.authorities.v1, by partition."""
        self._reference = reference
        self._is_caught_up = is_caught_up
        self._airspace_of = airspace_of
        self._as_kept = as_kept
        self._applications = applications
        """Findings for the authorities that must approve by law in these areas; None if that cannot be determined
        now."""
        self._health = health

    async def run(self) -> None:
        """Runs until cancelled. A re-check that fails is retried."""
        revision, read = 0, -1
        await self._health.report(PART, None)
        while True:
            await self._wait_for_change(revision, read)
            async with report_when_late(self._health, self._airspace.index.revision, LATE_S):
                revision, read = await self._recheck_until_done()

    async def _wait_for_change(self, revision: int, read: int) -> None:
        """Waits until there is an airspace, and it is newer than this or the areas were read elsewhere."""
        await self._airspace.newer_than(0)
        waiting = [
            asyncio.ensure_future(self._airspace.newer_than(revision)),
            asyncio.ensure_future(self._areas.read_elsewhere(read)),
        ]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()

    async def _recheck_until_done(self) -> tuple[int, int]:
        """Retries until plans have been checked again; returns the revision, and how far the areas had been read."""
        while True:
            zones, areas = self._airspace.index, self._areas.stated
            try:
                # A starting worker passes through incomplete airspaces, whose zones compaction has removed.
                if self._is_caught_up():
                    await count_anew(self._database, areas, self._areas_topic_ends)
                if self._is_caught_up() and await self.catch_up(zones, areas):
                    return zones.revision, areas.read
            except Unavailable as error:
                log.warning("plans are not checked again for now", problem=error.message)
            except Exception:
                log.exception("plans are not checked again")  # an internal error, which must not end the loop
                await asyncio.sleep(FAULT_RETRY_S)
            await asyncio.sleep(RETRY_S)

    async def catch_up(self, zones: ZoneIndex[int], areas: StatedAreas) -> bool:
        """Checks the plans again that were last checked against an earlier airspace, or against other areas; False if
        another worker is doing so, or knows a newer airspace or newer areas.

        Raises:
            Unavailable: The database cannot be reached; completed steps remain.
        """
        async with self._database.connection() as connection:
            if not await connection.fetchval(
                "SELECT pg_try_advisory_lock($1, hashtext($2))", _LOCK, self._database.schema
            ):
                return False
            try:
                async with connection.transaction():
                    todo = await begin_recheck(connection, zones.revision, areas)
                if todo.overtaken:
                    return False
                if todo.done < zones.revision or todo.areas:
                    if not await self._recheck(connection, zones, areas, todo):
                        return False
                    await end_recheck(connection, zones.revision, areas)
            finally:
                # A pooled connection is reused, with its locks.
                await connection.execute("SELECT pg_advisory_unlock_all()")
        return True

    async def _recheck(self, connection: Connection, zones: ZoneIndex[int], areas: StatedAreas, todo: ToDo) -> bool:
        """False if a plan was checked against a newer airspace, but perhaps not against these areas."""
        clock = asyncio.get_running_loop().time
        started, finding_s = clock(), 0.0
        changed = await asyncio.to_thread(changed_since, zones, todo.done)
        boxes = await asyncio.to_thread(boxes_of, changed) if len(changed) else ()
        plans, now = PlansToRecheck(connection), self._clock.now()
        near = touched = moved = 0
        after: PageKey | None = None
        # Each page is processed completely before the next is read, so that only one page is in memory.
        before = None if todo.areas else zones.revision
        while page := await plans.page(boxes, before, now, after, PAGE_SIZE):
            page_at = clock()
            if any(plan.airspace_revision > zones.revision for plan in page):
                return False
            found = [plan.id for plan in page] if todo.areas else await self._find(plans, page, zones, changed)
            finding_s += clock() - page_at
            for first in range(0, len(found), BATCH):
                contents = await plans.contents(found[first : first + BATCH])
                findings = await asyncio.to_thread(self._check, contents, zones, areas.index)
                moved += await self._apply(connection, findings, zones.revision, again=todo.areas)
            near += sum(plan.near for plan in page)
            touched += len(found)
            after = page[-1].key
        log.info(
            "plans checked again",
            revision=zones.revision,
            zones=len(changed),
            near=near,
            areas_changed=todo.areas,
            touched=touched,
            changed=moved,
            found_ms=round(finding_s * 1e3),
            took_ms=round((clock() - started) * 1e3),
        )
        return True

    async def _find(
        self, plans: PlansToRecheck, page: Sequence[Unchecked], zones: ZoneIndex[int], changed: ZoneIndex[int]
    ) -> Sequence[str]:
        """The ids of those plans of a page that the change affects."""

        def is_named(plan: Unchecked) -> bool:
            if plan.zones is None:
                return True
            return any(zones.get(zone) is None or changed.get(zone) is not None for zone in plan.zones)

        found = {plan.id for plan in page if is_named(plan)}
        if near := [plan.id for plan in page if plan.near and plan.id not in found]:
            found.update(await asyncio.to_thread(self._touched, await plans.contents(near), changed))
        return [plan.id for plan in page if plan.id in found]

    def _touched(self, contents: Sequence[tuple[str, bytes]], changed: ZoneIndex[int]) -> Sequence[str]:
        """The ids of those plans that overlap a changed zone."""
        readable, airspaces = self._read(contents)
        found, refused = touched(airspaces, changed, self._reference)
        for index, refusal in refused.items():
            log.error("a stored plan cannot be drawn again", plan=readable[index], problem=refusal.message)
        return [readable[index] for index in sorted(found)]

    def _check(
        self, contents: Sequence[tuple[str, bytes]], zones: ZoneIndex[int], areas: AreaIndex
    ) -> Mapping[str, Reassessed]:
        """The current findings of the geofence, by id of the plan; for those that can be drawn."""
        readable, airspaces = self._read(contents)
        drawn = draw(airspaces, self._reference, FIELD)
        around = survey(zones, areas, drawn.volumes, len(readable), self._reference)
        return {
            id_: Reassessed(self._as_kept(around.findings[index]), around.areas[index], around.authorities[index])
            for index, id_ in enumerate(readable)
            if index not in drawn.refused
        }

    def _read(self, contents: Sequence[tuple[str, bytes]]) -> tuple[Sequence[str], Sequence[Wanted]]:
        """Ids and airspaces of plans, without those that cannot be read."""
        airspaces = {}
        for id_, content in contents:
            try:
                airspaces[id_] = self._airspace_of(content)
            except LowskyError as problem:
                log.error("a stored plan cannot be read again", plan=id_, problem=problem.message)
        return list(airspaces), list(airspaces.values())

    async def _apply(
        self, connection: Connection, found: Mapping[str, Reassessed], revision: int, *, again: bool
    ) -> int:
        """Applies the findings to the plans; returns how many changed. The state of a plan may have changed since it
        was read; its geometry never does."""
        left = list(found)
        changed = 0
        while left:
            async with connection.transaction():
                store = FlightPlanStore(connection)
                # Never waits for a lock while it holds another, so that it cannot take part in a deadlock.
                plans = await store.lock_free(left) or [await store.lock(left[0])]
                now = self._clock.now()
                moved = [plan for plan in plans if self._reassess(plan, found[plan.id], revision, now, again=again)]
                await store.save(moved)
            if moved:
                self._relay.wake()
            changed += len(moved)
            seen = {plan.id for plan in plans}
            left = [id_ for id_ in left if id_ not in seen]
        return changed

    def _reassess(self, plan: FlightPlan, found: Reassessed, revision: int, now: datetime, *, again: bool) -> bool:
        asking = self._applications(plan, found.areas)
        applications = None if asking is None else self._as_kept(asking)
        return reassess(
            plan, found.findings, revision, now, again=again, applications=applications, touched=found.touched
        )


@asynccontextmanager
async def report_when_late(health: Health, revision: int, late_s: float) -> AsyncIterator[None]:
    """The worker's health reports a re-check that takes longer than ``late_s``, until it is done."""

    async def late() -> None:
        await asyncio.sleep(late_s)
        await health.report(PART, f"plans were not checked again for airspace revision {revision} in {late_s:.0f} s")

    reporting = asyncio.create_task(late())
    try:
        yield
    finally:
        reporting.cancel()
    await health.report(PART, None)


def reassess(
    plan: FlightPlan,
    geofence_findings: Findings,
    revision: int,
    now: datetime,
    *,
    again: bool = False,
    applications: Findings | None = None,
    touched: frozenset[str] | None = None,
) -> bool:
    """Replaces the findings of the geofence; the plan decides what follows. False if nothing changes.

    Args:
        again: Whether to include plans checked against the same revision, because the areas have changed.
        applications: Findings for the authorities that must approve by law now; None keeps the earlier ones.
        touched: The authorities whose area or geozones it touches now; None keeps the earlier ones.
    """
    if plan.state in FINAL or plan.end <= now or plan.airspace_revision >= revision + again:
        return False
    others = [finding for finding in plan.findings if not finding.rule.is_of_geofence]
    if applications is not None:
        others = [finding for finding in others if finding.rule is not Rule.APPLICATION_REQUIRED]
    has_other_readers = touched is not None and plan.touch(touched)
    return plan.reassess([*others, *(applications or ()), *geofence_findings], revision, now) or has_other_readers


def changed_since(zones: ZoneIndex[int], revision: int) -> ZoneIndex[int]:
    """The zones that were added or changed after a revision."""
    changed = [zone for zone in zones.zones if zone.payload > revision]
    return zones if len(changed) == len(zones) else ZoneIndex(changed, zones.revision)
