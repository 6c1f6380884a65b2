"""A changed zone checks the plans again that it touches.

    a newer airspace in force → begin: nothing is stored any more that was checked against an earlier one
    changed zones → plans near them, by box and time → those whose volumes meet one → the whole geofence again
    → new findings, and the moves that follow → end

One worker does it for all. Begin waits for the submissions under way, and those after it see what has begun, so that
each plan is either found here or was checked against the newer airspace. A plan that has its new findings would get
them once more without effect: what a worker that died left undone, another one does from the start. Removed zones do
no harm, and plans that no changed zone touches are not written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

import numpy as np
import shapely
import structlog

from lowsky.clock import Clock
from lowsky.db.database import Connection, Database
from lowsky.errors import LowskyError, Unavailable
from lowsky.events.relay import Relay
from lowsky.flightplans.airspace import Airspace
from lowsky.flightplans.domain.plan import RECHECKED, Extent, FlightPlan
from lowsky.flightplans.domain.proposal import Proposal
from lowsky.flightplans.draw import draw
from lowsky.flightplans.postgres import FlightPlanStore, begin_recheck, end_recheck
from lowsky.geo.altitude import VerticalReference
from lowsky.geo.zone_index import ZoneIndex
from lowsky.geofence.findings import FINDINGS_MAX, Finding, gravest_first
from lowsky.geofence.zones import geofence

log = structlog.get_logger()

BATCH = 200
"""Plans that are looked at, and at most locked, at a time: some 50 ms, for which their operators' moves may wait."""

BOXES_MAX = 16
"""Boxes of changed zones that plans are compared with. More are taken as one: an import changes a whole country."""

RETRY_S = 0.2
FAULT_RETRY_S = 5.0

_LOCK = 0x72656368  # "rech"

Findings = tuple[Finding, ...]


class Recheck:
    """Follows the airspace of its worker. Every worker runs one; whoever is first does the work."""

    def __init__(
        self,
        *,
        database: Database,
        relay: Relay,
        clock: Clock,
        airspace: Airspace,
        reference: VerticalReference,
        is_caught_up: Callable[[], bool],
        proposal_of: Callable[[FlightPlan], Proposal],
        as_kept: Callable[[Iterable[Finding]], Findings],
    ) -> None:
        self._database = database
        self._relay = relay
        self._clock = clock
        self._airspace = airspace
        self._reference = reference
        self._is_caught_up = is_caught_up
        self._proposal_of = proposal_of
        self._as_kept = as_kept

    async def run(self) -> None:
        """Runs until cancelled. What fails is begun again."""
        through = 0
        while True:
            zones = await self._airspace.newer_than(through)
            try:
                # While a worker starts it passes through airspaces that never were: compaction removed their zones.
                if self._is_caught_up() and await self.catch_up(zones):
                    through = zones.revision
                    continue
            except Unavailable as error:
                log.warning("plans are not checked again for now", problem=error.message)
            except Exception:
                log.exception("plans are not checked again")  # a fault of ours, which must not end all the rest
                await asyncio.sleep(FAULT_RETRY_S)
            await asyncio.sleep(RETRY_S)

    async def catch_up(self, zones: ZoneIndex[int]) -> bool:
        """Checks the plans again that were last checked before this airspace; False where another worker is at it.

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
                    done = await begin_recheck(connection, zones.revision)
                if done < zones.revision:
                    await self._recheck(connection, zones, done)
                    await end_recheck(connection, zones.revision)
            finally:
                # A pooled connection lives on: so would the lock.
                await connection.execute("SELECT pg_advisory_unlock_all()")
        return True

    async def _recheck(self, connection: Connection, zones: ZoneIndex[int], done: int) -> None:
        started = asyncio.get_running_loop().time()
        changed = await asyncio.to_thread(changed_since, zones, done)
        near = touched = moved = 0
        if len(changed):
            store = FlightPlanStore(connection)
            boxes = await asyncio.to_thread(boxes_of, changed)
            ids = await store.near(boxes, zones.revision, self._clock.now())
            near = len(ids)
            for first in range(0, near, BATCH):
                plans = await store.read(ids[first : first + BATCH])
                found = await asyncio.to_thread(self._look, plans, changed, zones)
                touched += len(found)
                moved += await self._take_in(connection, found, zones.revision)
        log.info(
            "plans checked again",
            revision=zones.revision,
            zones=len(changed),
            near=near,
            touched=touched,
            changed=moved,
            took_ms=round((asyncio.get_running_loop().time() - started) * 1e3),
        )

    def _look(
        self, plans: Sequence[FlightPlan], changed: ZoneIndex[int], zones: ZoneIndex[int]
    ) -> Mapping[str, Findings]:
        """What the geofence finds now of those plans that meet a changed zone, by id."""
        proposals = []
        readable = []
        for plan in plans:
            try:
                proposals.append(self._proposal_of(plan))
                readable.append(plan)
            except LowskyError as problem:
                log.error("a stored plan cannot be read again", plan=plan.name, problem=problem.message)
        drawn = draw(proposals, self._reference)
        for place, refusal in drawn.refused.items():
            log.error("a stored plan cannot be drawn again", plan=readable[place].name, problem=refusal.message)
        volumes = drawn.volumes
        owners = sorted(set(volumes.owner[changed.touching(volumes, self._reference).volume].tolist()))
        if not owners:
            return {}
        kept = volumes[np.isin(volumes.owner, owners)]
        findings = geofence(zones, kept, len(readable), self._reference)
        return {readable[owner].id: self._as_kept(findings[owner]) for owner in owners}

    async def _take_in(self, connection: Connection, found: Mapping[str, Findings], revision: int) -> int:
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
                moved = [plan for plan in plans if reassess(plan, found[plan.id], revision, now)]
                await store.save_assessments(moved)
            if moved:
                self._relay.wake()
            changed += len(moved)
            seen = {plan.id for plan in plans}
            left = [id_ for id_ in left if id_ not in seen]
        return changed


def reassess(plan: FlightPlan, geofence_findings: Findings, revision: int, now: datetime) -> bool:
    """Puts what the geofence finds now in the place of what it found; the plan says what follows. False: nothing."""
    if plan.state not in RECHECKED or plan.end <= now or plan.airspace_revision >= revision:
        return False
    others = [finding for finding in plan.findings if not finding.rule.is_of_geofence]
    return plan.reassess(gravest_first([*others, *geofence_findings])[:FINDINGS_MAX], revision, now)


def changed_since(zones: ZoneIndex[int], revision: int) -> ZoneIndex[int]:
    """The zones that came, or came to be as they are, after a revision."""
    changed = [zone for zone in zones.zones if zone.payload > revision]
    return zones if len(changed) == len(zones) else ZoneIndex(changed, zones.revision)


def boxes_of(zones: ZoneIndex[int]) -> Sequence[Extent]:
    """Boxes around the parts of zones, or one around them all."""
    parts = shapely.get_parts([layer.outline for zone in zones.zones for layer in zone.geozone.layers])
    boxes = shapely.bounds(parts) if len(parts) <= BOXES_MAX else shapely.total_bounds(parts)[np.newaxis]
    return [(west, south, east, north) for west, south, east, north in boxes.tolist()]
