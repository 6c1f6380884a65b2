"""Holding the airspace: no two plans of equal priority ever hold airspace that overlaps.

    lock the nodes that the batch meets → what is held near → exact overlaps, with it and within the batch
    → in order: who is blocked, who gives way, who is superseded

All within the transaction that stores the outcome. Whoever decides about the same airspace waits for the locks and then
sees what has been stored; everybody takes them in the same order: request ids, nodes, plans by id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import numpy as np
import shapely

from lowsky.db.database import Connection
from lowsky.errors import LowskyError, NotFound, Precondition
from lowsky.flightplans.checks.conflict import Meeting, in_the_way, meetings
from lowsky.flightplans.domain.plan import FINAL, OPEN, FlightPlan
from lowsky.flightplans.postgres import FlightPlanStore
from lowsky.flightplans.reservations import Contender, Held, Reservations
from lowsky.flightplans.shelf import Key, Shelf
from lowsky.geo.altitude import VerticalReference
from lowsky.geo.nodes import Cover
from lowsky.geo.stored_volumes import Run, StoredVolumes
from lowsky.geo.volumes import Volumes
from lowsky.geofence.findings import Finding, Rule

PAIRS_ON_LOOP_MAX: Final = 200_000
"""Pairs of volumes: more go to a thread, some 5 ms, after which other calls and heartbeats would wait."""


@dataclass(slots=True)
class Verdict:
    """What became of a contender."""

    findings: list[Finding] = field(default_factory=list)
    blocked: bool = False
    refused: LowskyError | None = None


class Rival(NamedTuple):
    """Somebody whose airspace a contender's overlaps."""

    plan: UUID
    priority: int
    meeting: Meeting


class Holding:
    """Decides who may hold what they ask for."""

    def __init__(self, reference: VerticalReference) -> None:
        self._reference = reference
        self._shelf = Shelf()

    async def decide(
        self, connection: Connection, contenders: Sequence[Contender], volumes: Volumes, cover: Cover, now: datetime
    ) -> tuple[Sequence[Verdict], Sequence[FlightPlan]]:
        """A verdict for each contender, and the plans that change because of them, changed and locked.

        Args:
            contenders: In order of arrival; owners of the volumes and the cover are their places here.

        Raises:
            Unavailable: Others decide about the same airspace for too long.
        """
        if not contenders:
            return [], []
        await Reservations(connection).lock(cover)
        rivals = await self.rivals(connection, contenders, volumes, cover, within=True)
        locked = await FlightPlanStore(connection).lock_present(_to_lock(contenders, rivals))
        return _resolve(contenders, rivals, locked, now)

    async def look(
        self, connection: Connection, contenders: Sequence[Contender], volumes: Volumes, cover: Cover, now: datetime
    ) -> Sequence[Verdict]:
        """What would be decided about each alone, at this moment; nothing is locked or changed."""
        rivals = await self.rivals(connection, contenders, volumes, cover)
        verdicts: list[Verdict] = []
        for contender, its_rivals in zip(contenders, rivals, strict=True):
            met = await FlightPlanStore(connection).present(_to_lock([contender], [its_rivals]))
            verdicts.extend(_resolve([contender], [its_rivals], met, now)[0])
        return verdicts

    async def rivals(
        self,
        connection: Connection,
        contenders: Sequence[Contender],
        volumes: Volumes,
        cover: Cover,
        *,
        within: bool = False,
    ) -> Sequence[Sequence[Rival]]:
        """Of each contender, those whose airspace it overlaps: what is held, and, within the batch, one another."""
        reservations = Reservations(connection)
        near = await reservations.near(cover)
        fetched = await self._fetched(reservations, near)
        here: dict[Key, Volumes | None] = {}
        pairs: list[tuple[int, Key, int]] = []
        for held in near:
            revision, its_volumes = fetched.get(held.plan, (held.revision, None))
            if revision:
                here[held.plan, revision] = its_volumes
                pairs.append((held.place, (held.plan, revision), held.priority))
        keys = [(contender.plan, 1) for contender in contenders]
        if within:
            for place, other in _near_each_other(volumes, len(contenders)):
                pairs.append((place, keys[other], contenders[other].priority))
                pairs.append((other, keys[place], contenders[place].priority))
        stored, runs = self._shelf.together(keys, volumes, here)
        ours, theirs = [runs[keys[place]] for place, _, _ in pairs], [runs[key] for _, key, _ in pairs]
        met = await self._meetings(stored, ours, theirs)
        rivals: list[list[Rival]] = [[] for _ in contenders]
        for pair, meeting in met.items():
            place, (plan, _), priority = pairs[pair]
            rivals[place].append(Rival(plan, priority, meeting))
        return rivals

    async def _fetched(
        self, reservations: Reservations, near: Sequence[Held]
    ) -> Mapping[UUID, tuple[int, Volumes | None]]:
        """Revision and volumes of those that are not on the shelf; revision 0 of those that were freed meanwhile."""
        fetched: dict[UUID, tuple[int, Volumes | None]] = {}
        while True:
            # Another batch may have changed the shelf while this one waited for the database.
            missing = {h.plan for h in near if h.plan not in fetched and (h.plan, h.revision) not in self._shelf}
            if not missing:
                return fetched
            fetched |= dict.fromkeys(missing, (0, None))
            fetched |= await reservations.volumes(missing)

    async def _meetings(self, stored: StoredVolumes, ours: list[Run], theirs: list[Run]) -> Mapping[int, Meeting]:
        if not ours:
            return {}

        def compare() -> Mapping[int, Meeting]:
            return meetings(stored, stored.overlaps(ours, theirs, self._reference), ours, theirs, self._reference)

        if sum(a.count * b.count for a, b in zip(ours, theirs, strict=True)) <= PAIRS_ON_LOOP_MAX:
            return compare()
        return await asyncio.to_thread(compare)


def _near_each_other(volumes: Volumes, count: int) -> Iterable[tuple[int, int]]:
    """Pairs of contenders, the later one first, whose times and boxes overlap."""
    begins = np.searchsorted(volumes.owner, np.arange(count))
    boxes = shapely.bounds(volumes.outlines).reshape(-1, 4)
    low = np.minimum.reduceat(np.column_stack([volumes.start_s, boxes[:, :2]]), begins, axis=0)
    high = np.maximum.reduceat(np.column_stack([volumes.end_s, boxes[:, 2:]]), begins, axis=0)
    near = (low[:, None] < high[None, :]).all(axis=2)
    later, earlier = np.nonzero(np.tril(near & near.T, -1))
    return zip(later.tolist(), earlier.tolist(), strict=True)


def _to_lock(contenders: Sequence[Contender], rivals: Sequence[Sequence[Rival]]) -> list[str]:
    """Ids of the plans that may change: those that would give way, and those that are superseded."""
    ids = {_id(contender.supersedes) for contender in contenders if contender.supersedes}
    for contender, its_rivals in zip(contenders, rivals, strict=True):
        ids.update(str(rival.plan) for rival in its_rivals if rival.priority < contender.priority)
    return sorted(ids - {str(contender.plan) for contender in contenders})


def _resolve(
    contenders: Sequence[Contender],
    rivals: Sequence[Sequence[Rival]],
    locked: Mapping[str, FlightPlan],
    now: datetime,
) -> tuple[Sequence[Verdict], Sequence[FlightPlan]]:
    """By priority, then in order of arrival, so that nobody in a batch is accepted and displaced at once."""
    verdicts = [Verdict() for _ in contenders]
    places = {contender.plan: place for place, contender in enumerate(contenders)}
    accepted: set[UUID] = set()
    changed: dict[str, FlightPlan] = {}
    for place in sorted(range(len(contenders)), key=lambda place: -contenders[place].priority):
        contender, verdict = contenders[place], verdicts[place]
        superseded = locked.get(_id(contender.supersedes)) if contender.supersedes else None
        if contender.supersedes:
            verdict.refused = _refusal(contender, superseded)
            if verdict.refused is not None:
                continue
        in_the_way_of_it: list[Finding] = []
        giving_way: list[tuple[FlightPlan, Meeting]] = []
        for rival in rivals[place]:
            other = locked.get(str(rival.plan))
            if rival.plan in places and rival.plan not in accepted:
                continue
            if other is not None and (other is superseded or other.state in FINAL):
                continue
            if rival.priority < contender.priority and rival.plan not in places:
                if other is not None:
                    giving_way.append((other, rival.meeting))
            else:
                in_the_way_of_it.append(rival.meeting.finding(Rule.CONFLICT, str(rival.plan)))
        if in_the_way_of_it:
            verdict.blocked, verdict.findings = True, in_the_way(in_the_way_of_it)
            continue
        accepted.add(contender.plan)
        if superseded is not None:
            superseded.withdraw(f"Superseded by {contender.operator}/flightPlans/{contender.plan}.", now)
            changed[superseded.id] = superseded
        for other, meeting in giving_way:
            verdict.findings.append(_displaced(contender, other, meeting, now))
            changed[other.id] = other
    return verdicts, list(changed.values())


def _displaced(contender: Contender, other: FlightPlan, meeting: Meeting, now: datetime) -> Finding:
    """Tells the other; gives what is told to the contender."""
    flying = other.is_flying
    finding = meeting.finding(Rule.DISPLACED_BY_PRIORITY, str(contender.plan), reverse=True, under_way=flying)
    other.give_way(finding, now)
    return meeting.finding(Rule.PRIORITY_OVER, other.id, under_way=flying)


def _refusal(contender: Contender, superseded: FlightPlan | None) -> LowskyError | None:
    if superseded is None or superseded.name != contender.supersedes or superseded.operator != contender.operator:
        return NotFound(contender.supersedes)
    if superseded.state in OPEN:
        return None
    return Precondition(
        "CANNOT_BE_SUPERSEDED",
        f"{superseded.name} is {superseded.state}: only a plan that is neither activated nor over can be superseded",
        metadata={"resource": superseded.name, "state": superseded.state},
    )


def _id(name: str) -> str:
    return name.rpartition("/")[2]
