"""A changed zone checks the plans again that it touches, and changed areas of authorities all plans.

    a newer airspace in force → begin: nothing is stored any more that was checked against an earlier one
    find: changed zones → plans near them, by box and time → those whose volumes meet one;
          and the plans whose findings name a zone that is gone, or is not what it was
    take in: the whole geofence again → new findings, and the moves that follow
    → find and take in the next page of plans → end

One worker does it for all. Begin waits for the submissions under way, and those after it see what has begun, so that
each plan is either found here or was checked against the newer airspace. A plan that has its new findings would get
them once more without effect: what a worker that died left undone, another one does from the start. Plans that no
change touches are not written.

Areas say also what lies in nobody's, so that a change of one may concern plans far from it: every plan that is not over
is looked at, a page at a time, and those alone are written of which something else is found.
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
from lowsky.flightplans.checks.draw import FIELD
from lowsky.flightplans.domain.plan import FINAL, FlightPlan
from lowsky.flightplans.postgres.plans import FlightPlanStore
from lowsky.flightplans.postgres.rechecks import PageKey, PlansToRecheck, ToDo, Unchecked, begin_recheck, end_recheck
from lowsky.flightplans.projections.airspace import Airspace
from lowsky.flightplans.projections.areas import Areas, StatedAreas
from lowsky.flightplans.recheck.touched import boxes_of, touched
from lowsky.geo.heights.altitude import VerticalReference
from lowsky.geo.zones.index import ZoneIndex
from lowsky.geofence.areas import AreaIndex
from lowsky.geofence.draw import RequestedAirspace as Wanted
from lowsky.geofence.draw import draw
from lowsky.geofence.look import survey
from lowsky.health import Health

log = structlog.get_logger()

PART = "recheck"

LATE_S = 60.0
"""How long plans may stay unchecked after the airspace has changed before the worker's health says so."""

SEEN_AT_ONCE = 1_000
"""Plans of a page, whose geometry is in memory while it is found which of them are touched."""

BATCH = 200
"""Plans that are taken in, and at most locked, at a time: some 50 ms, for which their operators' moves may wait."""

RETRY_S = 0.2
FAULT_RETRY_S = 5.0

_LOCK = 0x72656368  # "rech"

Findings = tuple[Finding, ...]


class Reassessed(NamedTuple):
    """What the geofence finds now of a plan."""

    findings: Findings
    areas: Mapping[str, str]
    """The authorities in whose areas it flies, and what they are called."""


class Recheck:
    """Follows the airspace of its worker. Every worker runs one; whoever is first does the work."""

    def __init__(
        self,
        *,
        database: Database,
        relay: Relay,
        clock: Clock,
        airspace: Airspace,
        areas: Areas,
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
        self._reference = reference
        self._is_caught_up = is_caught_up
        self._airspace_of = airspace_of
        self._as_kept = as_kept
        self._applications = applications
        """Who must agree by law in these areas; None where that cannot be said now."""
        self._health = health

    async def run(self) -> None:
        """Runs until cancelled. What fails is begun again."""
        revision, read = 0, -1
        await self._health.report(PART, None)
        while True:
            await self._news(revision, read)
            async with told_when_late(self._health, self._airspace.index.revision, LATE_S):
                revision, read = await self._caught_up()

    async def _news(self, revision: int, read: int) -> None:
        """Until there is an airspace, and it or the areas are newer."""
        await self._airspace.newer_than(0)
        waiting = [
            asyncio.ensure_future(self._airspace.newer_than(revision)),
            asyncio.ensure_future(self._areas.read_beyond(read)),
        ]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()

    async def _caught_up(self) -> tuple[int, int]:
        """The revision that plans have been checked again for, as soon as they have, and how far the areas had been
        read."""
        while True:
            zones, areas = self._airspace.index, self._areas.stated
            try:
                # While a worker starts it passes through airspaces that never were: compaction removed their zones.
                if self._is_caught_up() and await self.catch_up(zones, areas):
                    return zones.revision, areas.read
            except Unavailable as error:
                log.warning("plans are not checked again for now", problem=error.message)
            except Exception:
                log.exception("plans are not checked again")  # a fault of ours, which must not end all the rest
                await asyncio.sleep(FAULT_RETRY_S)
            await asyncio.sleep(RETRY_S)

    async def catch_up(self, zones: ZoneIndex[int], areas: StatedAreas) -> bool:
        """Checks the plans again that were last checked before this airspace, or against other areas; False where
        another worker is at it, or knows more.

        Raises:
            Unavailable: The database is away: what has been done so far stays done.
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
                # A pooled connection lives on: so would the lock.
                await connection.execute("SELECT pg_advisory_unlock_all()")
        return True

    async def _recheck(self, connection: Connection, zones: ZoneIndex[int], areas: StatedAreas, todo: ToDo) -> bool:
        """False where a plan was checked against a newer airspace, but perhaps not against these areas."""
        clock = asyncio.get_running_loop().time
        started, finding_s = clock(), 0.0
        changed = await asyncio.to_thread(changed_since, zones, todo.done)
        boxes = await asyncio.to_thread(boxes_of, changed) if len(changed) else ()
        plans, now = PlansToRecheck(connection), self._clock.now()
        near = touched = moved = 0
        after: PageKey | None = None
        # A page at a time from the first query to the last move: of a million plans no more are in memory.
        before = None if todo.areas else zones.revision
        while page := await plans.page(boxes, before, now, after, SEEN_AT_ONCE):
            page_at = clock()
            if any(plan.airspace_revision > zones.revision for plan in page):
                return False
            found = [plan.id for plan in page] if todo.areas else await self._find(plans, page, zones, changed)
            finding_s += clock() - page_at
            for first in range(0, len(found), BATCH):
                contents = await plans.contents(found[first : first + BATCH])
                findings = await asyncio.to_thread(self._look, contents, zones, areas.index)
                moved += await self._take_in(connection, findings, zones.revision, again=todo.areas)
            near += sum(plan.near for plan in page)
            touched += len(found)
            after = page[-1].place
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
        """The ids of those plans of a page that the change touches."""

        def is_named(plan: Unchecked) -> bool:
            if plan.zones is None:
                return True
            return any(zones.get(zone) is None or changed.get(zone) is not None for zone in plan.zones)

        found = {plan.id for plan in page if is_named(plan)}
        if near := [plan.id for plan in page if plan.near and plan.id not in found]:
            found.update(await asyncio.to_thread(self._touched, await plans.contents(near), changed))
        return [plan.id for plan in page if plan.id in found]

    def _touched(self, contents: Sequence[tuple[str, bytes]], changed: ZoneIndex[int]) -> Sequence[str]:
        """The ids of those plans that meet a changed zone."""
        readable, airspaces = self._read(contents)
        found, refused = touched(airspaces, changed, self._reference)
        for place, refusal in refused.items():
            log.error("a stored plan cannot be drawn again", plan=readable[place], problem=refusal.message)
        return [readable[place] for place in sorted(found)]

    def _look(
        self, contents: Sequence[tuple[str, bytes]], zones: ZoneIndex[int], areas: AreaIndex
    ) -> Mapping[str, Reassessed]:
        """What the geofence finds now of plans, by id; of those that can be drawn."""
        readable, airspaces = self._read(contents)
        drawn = draw(airspaces, self._reference, FIELD)
        around = survey(zones, areas, drawn.volumes, len(readable), self._reference)
        return {
            id_: Reassessed(self._as_kept(around.findings[place]), around.areas[place])
            for place, id_ in enumerate(readable)
            if place not in drawn.refused
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

    async def _take_in(
        self, connection: Connection, found: Mapping[str, Reassessed], revision: int, *, again: bool
    ) -> int:
        """Gives plans what was found; how many that changed. The geometry of a plan never does, but its state may have
        since it was read."""
        left = list(found)
        changed = 0
        while left:
            async with connection.transaction():
                store = FlightPlanStore(connection)
                # Never waits for a lock while it holds another: whoever waits for one of these waits for nobody else.
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
        return reassess(plan, found.findings, revision, now, again=again, applications=applications)


@asynccontextmanager
async def told_when_late(health: Health, revision: int, late_s: float) -> AsyncIterator[None]:
    """While plans are checked again: the worker's health says so as soon as that has taken so long, and until it has
    been done."""

    async def late() -> None:
        await asyncio.sleep(late_s)
        await health.report(PART, f"plans were not checked again for airspace revision {revision} in {late_s:.0f} s")

    telling = asyncio.create_task(late())
    try:
        yield
    finally:
        telling.cancel()
    await health.report(PART, None)


def reassess(
    plan: FlightPlan,
    geofence_findings: Findings,
    revision: int,
    now: datetime,
    *,
    again: bool = False,
    applications: Findings | None = None,
) -> bool:
    """Puts what the geofence finds now in the place of what it found; the plan says what follows. False: nothing.

    Args:
        again: Whether a plan of the same revision is too, since the areas are other ones.
        applications: Who must agree by law now; None leaves those who had to.
    """
    if plan.state in FINAL or plan.end <= now or plan.airspace_revision >= revision + again:
        return False
    others = [finding for finding in plan.findings if not finding.rule.is_of_geofence]
    if applications is not None:
        others = [finding for finding in others if finding.rule is not Rule.APPLICATION_REQUIRED]
    return plan.reassess([*others, *(applications or ()), *geofence_findings], revision, now)


def changed_since(zones: ZoneIndex[int], revision: int) -> ZoneIndex[int]:
    """The zones that came, or came to be as they are, after a revision."""
    changed = [zone for zone in zones.zones if zone.payload > revision]
    return zones if len(changed) == len(zones) else ZoneIndex(changed, zones.revision)
