"""Holding the airspace: no two plans of equal priority ever hold airspace that overlaps, and no two plans of any
priority take the same aircraft at the same time.

    lock the aircraft and the nodes that the batch meets → what is held near, and what keeps the aircraft busy
    → exact overlaps, with it and within the batch
    → in order: who is blocked, who gives way, who is superseded → only of these: where, when and how high

All within the transaction that stores the outcome. Whoever decides about the same airspace waits for the locks and then
sees what has been stored; everybody takes them in the same order: request ids, aircraft and nodes by key, plans by id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from lowsky.db.database import Connection
from lowsky.errors import Invalid, LowskyError
from lowsky.findings.finding import Finding, Rule
from lowsky.flightplans.checks import aircraft
from lowsky.flightplans.checks.conflict import (
    NAMED_MAX,
    OVER_NAMED_MAX,
    FlightOverlap,
    meetings,
    others_give_way,
    others_in_the_way,
)
from lowsky.flightplans.domain.plan import FlightPlan
from lowsky.flightplans.holding.resolve import Contest, Rival, id_of, resolve
from lowsky.flightplans.holding.shelf import Key, Shelf
from lowsky.flightplans.postgres.aliases import Aliases
from lowsky.flightplans.postgres.plans import FlightPlanStore
from lowsky.flightplans.postgres.reservations import Busy, Contender, Held, Reservations, windows_of
from lowsky.geo.heights.altitude import VerticalReference
from lowsky.geo.volumes.nodes import Cover
from lowsky.geo.volumes.stored import Run, StoredVolumes
from lowsky.geo.volumes.volumes import Volumes

PAIRS_ON_LOOP_MAX: Final = 200_000
"""Pairs of volumes: more go to a thread, some 5 ms, after which other calls and heartbeats would wait."""

PAIRS_MAX: Final = 4_000_000
"""Pairs of volumes that may overlap by time and place, of one plan and all that is held near: a fifth of a second, for
which others wait. A flight of a few kilometres has some thousands over a busy hub."""

RIVALS_MAX: Final = 5_000
"""Flights near one plan: as many as are over a city in ten minutes."""

TOLD_ON_LOOP_MAX: Final = 20
"""Flights in the way that are told of: more go to a thread, some 5 ms."""

THREADS: Final = 2
"""For what is computed while locks on airspace are held: as many as the batches that hold some at once. Threads of its
own, since others wait for those locks: the shared ones may be busy for seconds with imports, indexes and re-checks."""

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class HoldingDecision:
    """What became of a contender."""

    findings: Sequence[Finding]
    refused: LowskyError | None


class TooMuchHeldNearby(Exception):
    """Too much is held near some contenders to be compared while others wait.

    Attributes:
        places: Of those contenders.
    """

    def __init__(self, places: Sequence[int]) -> None:
        super().__init__(places)
        self.places = frozenset(places)

    def refusal(self, field: str = "flight_plan") -> Invalid:
        """What is said of them."""
        message = (
            f"more flights are near than one plan is compared with ({RIVALS_MAX}, or {PAIRS_MAX} pairs of volumes)"
        )
        return Invalid.field(field, f"{message}: ask for less airspace, or less of it at once", "TOO_LARGE")


class Holding:
    """Decides who may hold what they ask for."""

    def __init__(self, reference: VerticalReference) -> None:
        self._reference = reference
        self._shelf = Shelf()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="holding")
        self._aliases: Aliases | None = None

    async def decide(
        self, connection: Connection, contenders: Sequence[Contender], volumes: Volumes, cover: Cover, now: datetime
    ) -> tuple[Sequence[HoldingDecision], Sequence[FlightPlan]]:
        """A verdict for each contender, and the plans that change because of them, changed and locked.

        Args:
            contenders: In order of arrival; owners of the volumes and the cover are their places here.

        Raises:
            Unavailable: Others decide about the same airspace for too long.
            TooMuchHeldNearby: Some are near too much.
        """
        if not contenders:
            return [], []
        windows, reservations = windows_of(volumes, len(contenders)), Reservations(connection)
        near, busy = await reservations.lock_and_near(contenders, windows, cover)
        rivals = await self._rivals(reservations, near, contenders, volumes, deciding=True)
        locked = await FlightPlanStore(connection).lock_present(_to_lock(contenders, rivals))
        outcomes = resolve(contenders, rivals, locked, windows, busy)
        aliases = await self.aliases(connection)
        verdicts = await self._verdicts(contenders, outcomes, aliases)
        return verdicts, _moved(contenders, outcomes, aliases, now)

    async def look(
        self, connection: Connection, contenders: Sequence[Contender], volumes: Volumes, cover: Cover
    ) -> Sequence[HoldingDecision]:
        """What would be decided about each alone, at this moment; nothing is locked or changed."""
        rivals = await self.rivals(connection, contenders, volumes, cover)
        met = await FlightPlanStore(connection).present(_to_lock(contenders, rivals))
        windows = windows_of(volumes, len(contenders))
        keeping: list[list[Busy]] = [[] for _ in contenders]
        for one in await Reservations(connection).busy(contenders, windows):
            keeping[one.place].append(replace(one, place=0))
        alone = [
            resolve([contender], [its_rivals], met, [window], busy)[0]
            for contender, its_rivals, window, busy in zip(contenders, rivals, windows, keeping, strict=True)
        ]
        return await self._verdicts(contenders, alone, await self.aliases(connection))

    async def aliases(self, connection: Connection) -> Aliases:
        """What flights are called for others; read once."""
        if self._aliases is None:
            self._aliases = await Aliases.kept(connection)
        return self._aliases

    async def rivals(
        self, connection: Connection, contenders: Sequence[Contender], volumes: Volumes, cover: Cover
    ) -> Sequence[Sequence[Rival]]:
        """Of each contender, those whose airspace it overlaps among what is held."""
        reservations = Reservations(connection)
        return await self._rivals(reservations, await reservations.near(cover), contenders, volumes, deciding=False)

    async def _rivals(
        self,
        reservations: Reservations,
        near: Sequence[Held],
        contenders: Sequence[Contender],
        volumes: Volumes,
        *,
        deciding: bool,
    ) -> Sequence[Sequence[Rival]]:
        """Of each contender, those whose airspace it overlaps among what is near; deciding, also of the batch."""
        if near:
            _require_at_most(RIVALS_MAX, np.bincount([held.place for held in near]))
        fetched = await self._fetched(reservations, near)
        here: dict[Key, Volumes | None] = {}
        pairs: list[tuple[int, Key, int]] = []
        for held in near:
            revision, its_volumes = fetched.get(held.plan, (held.revision, None))
            if revision:
                here[held.plan, revision] = its_volumes
                pairs.append((held.place, (held.plan, revision), held.priority))
        keys = [(contender.plan, 1) for contender in contenders]
        stored, runs = self._shelf.together(keys, volumes, here)
        rivals: list[list[Rival]] = [[] for _ in contenders]
        ours, theirs = [runs[keys[place]] for place, _, _ in pairs], [runs[key] for _, key, _ in pairs]
        if pairs:
            places = [place for place, _, _ in pairs]
            _require_at_most(PAIRS_MAX, np.bincount(places, stored.near_counts(ours, theirs)))
        for pair in (await self._meet(stored, ours, theirs)).nonzero()[0].tolist():
            place, (plan, _), priority = pairs[pair]
            rivals[place].append(Rival(plan, priority, stored, ours[pair], theirs[pair]))
        if deciding:
            await self._add_each_other(contenders, rivals, stored, [runs[key] for key in keys], volumes)
        return rivals

    async def _add_each_other(
        self,
        contenders: Sequence[Contender],
        rivals: list[list[Rival]],
        stored: StoredVolumes,
        runs: Sequence[Run],
        volumes: Volumes,
    ) -> None:
        """Those of a batch whose airspace overlaps, unless somebody is in their way already who will stay there."""
        out = _blocked_for_good(contenders, rivals)
        pairs = [(a, b) for a, b in _near_each_other(volumes, len(contenders)) if a not in out and b not in out]
        met = await self._meet(stored, [runs[a] for a, _ in pairs], [runs[b] for _, b in pairs])
        for pair in met.nonzero()[0].tolist():
            for place, other in (pairs[pair], pairs[pair][::-1]):
                rival = contenders[other]
                rivals[place].append(Rival(rival.plan, rival.priority, stored, runs[place], runs[other]))

    async def meetings(self, rivals: Sequence[Rival]) -> Sequence[FlightOverlap]:
        """Where, when and how high each pair overlaps: some milliseconds for ten, so only of those that are told."""
        if not rivals:
            return []
        stored, ours, theirs = rivals[0].stored, [one.ours for one in rivals], [one.theirs for one in rivals]

        def describe() -> Sequence[FlightOverlap]:
            overlaps = stored.overlaps(ours, theirs, self._reference)
            met = meetings(stored, overlaps, ours, theirs, self._reference)
            return [met[pair] for pair in range(len(rivals))]

        return await (self._beside(describe) if len(rivals) > TOLD_ON_LOOP_MAX else _at_once(describe))

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

    async def _beside(self, work: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _meet(self, stored: StoredVolumes, ours: list[Run], theirs: list[Run]) -> NDArray[np.bool_]:
        def compare() -> NDArray[np.bool_]:
            return stored.meet(ours, theirs, self._reference)

        pairs = sum(a.count * b.count for a, b in zip(ours, theirs, strict=True))
        return await (self._beside(compare) if pairs > PAIRS_ON_LOOP_MAX else _at_once(compare))

    async def _verdicts(
        self, contenders: Sequence[Contender], outcomes: Sequence[Contest], aliases: Aliases
    ) -> Sequence[HoldingDecision]:
        """With the findings that say why."""
        told = [[*outcome.blocked_by[:NAMED_MAX], *(rival for _, rival in outcome.over)] for outcome in outcomes]
        found = iter(await self.meetings([rival for rivals in told for rival in rivals]))
        verdicts = []
        for contender, outcome in zip(contenders, outcomes, strict=True):
            blocked = [
                next(found).finding(Rule.CONFLICT, aliases.of(str(rival.plan)))
                for rival in outcome.blocked_by[:NAMED_MAX]
            ]
            if more := len(outcome.blocked_by) - len(blocked):
                blocked.append(others_in_the_way(more))
            outcome.met_over = [next(found) for _ in outcome.over]
            over = [
                meeting.finding(Rule.PRIORITY_OVER, aliases.of(other.id), under_way=other.is_flying)
                for (other, _), meeting in zip(outcome.over[:OVER_NAMED_MAX], outcome.met_over, strict=False)
            ]
            if more := len(outcome.over) - len(over):
                over.append(others_give_way(more))
            verdicts.append(HoldingDecision([*_busy(contender, outcome), *blocked, *over], outcome.refused))
        return verdicts


def _busy(contender: Contender, outcome: Contest) -> Sequence[Finding]:
    """What is said of the plans that the aircraft is to fly at the same time, the earliest first."""
    named = sorted(outcome.busy_with, key=lambda one: one.start)[: aircraft.NAMED_MAX]
    findings = [
        aircraft.aircraft_busy(f"{contender.operator}/flightPlans/{one.plan}", contender.aircraft, one.start, one.end)
        for one in named
    ]
    more = len(outcome.busy_with) - len(named)
    return [*findings, aircraft.busy_with_others(more)] if more else findings


def _require_at_most(limit: int, counts: NDArray[Any]) -> None:
    """Raises TooMuchHeldNearby where the comparison would take seconds, while everybody there waits."""
    crowded = (counts > limit).nonzero()[0].tolist()
    if crowded:
        raise TooMuchHeldNearby(crowded)


async def _at_once(work: Callable[[], _Result]) -> _Result:
    return work()


def _near_each_other(volumes: Volumes, count: int) -> Iterable[tuple[int, int]]:
    """Pairs of contenders, the later one first, whose times and boxes overlap."""
    if count < 2:
        return ()
    begins = volumes.owner.searchsorted(np.arange(count))
    west, south, east, north = volumes.boxes.T
    near = np.ones((count, count), dtype=np.bool_)
    for low, high in ((volumes.start_s, volumes.end_s), (west, east), (south, north)):
        near &= np.minimum.reduceat(low, begins)[:, None] < np.maximum.reduceat(high, begins)
    later, earlier = np.tril(near & near.T, -1).nonzero()
    return zip(later.tolist(), earlier.tolist(), strict=True)


def _blocked_for_good(contenders: Sequence[Contender], rivals: Sequence[Sequence[Rival]]) -> set[int]:
    """The places of those that a plan is in the way of which nobody in the batch displaces or supersedes."""
    highest = max(contender.priority for contender in contenders)
    leaving = {id_of(contender.supersedes) for contender in contenders if contender.supersedes}
    return {
        place
        for place, its_rivals in enumerate(rivals)
        if any(rival.priority >= highest and str(rival.plan) not in leaving for rival in its_rivals)
    }


def _to_lock(contenders: Sequence[Contender], rivals: Sequence[Sequence[Rival]]) -> list[str]:
    """Ids of the plans that may change: those that would give way, and those that are superseded."""
    ids = {id_of(contender.supersedes) for contender in contenders if contender.supersedes}
    for contender, its_rivals in zip(contenders, rivals, strict=True):
        ids.update(str(rival.plan) for rival in its_rivals if rival.priority < contender.priority)
    return sorted(ids - {str(contender.plan) for contender in contenders})


def _moved(
    contenders: Sequence[Contender], outcomes: Sequence[Contest], aliases: Aliases, now: datetime
) -> Sequence[FlightPlan]:
    """The plans that give way, are told, or are superseded."""
    changed: dict[str, FlightPlan] = {}
    for contender, outcome in zip(contenders, outcomes, strict=True):
        if outcome.superseded is not None:
            by = f"{contender.operator}/flightPlans/{contender.plan}"
            outcome.superseded.withdraw(f"Superseded by {by}.", now)
            changed[outcome.superseded.id] = outcome.superseded
        for (other, _), meeting in zip(outcome.over, outcome.met_over, strict=True):
            finding = meeting.finding(
                Rule.DISPLACED_BY_PRIORITY, aliases.of(str(contender.plan)), reverse=True, under_way=other.is_flying
            )
            other.give_way(finding, now)
            changed[other.id] = other
    return list(changed.values())
