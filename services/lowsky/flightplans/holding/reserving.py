"""Decides who may reserve airspace: no two plans of equal priority ever reserve airspace that overlaps, and no two
plans of any priority use the same aircraft at the same time.

    lock the aircraft and the nodes of the batch → nearby reservations, and the plans that occupy the aircraft
    → exact overlaps, with these and within the batch
    → in order: blocked, displaced and superseded plans → only for these: where, when and at which altitudes

All this happens in the transaction that stores the result. A concurrent decision about the same airspace waits for the
locks and then sees what has been stored; locks are always taken in the same order: request ids, aircraft and nodes by
key, plans by id.
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
from lowsky.flightplans.checks import busy_aircraft
from lowsky.flightplans.checks.conflict import (
    NAMED_MAX,
    OVER_NAMED_MAX,
    FlightOverlap,
    meetings,
    others_give_way,
    others_in_the_way,
)
from lowsky.flightplans.domain.plan import FlightPlan
from lowsky.flightplans.holding.precedence import Contest, Rival, id_of, resolve
from lowsky.flightplans.holding.volume_cache import Key, Shelf
from lowsky.flightplans.postgres.aliases import Aliases
from lowsky.flightplans.postgres.plans import FlightPlanStore
from lowsky.flightplans.postgres.reservations import Busy, Contender, Held, Reservations, windows_of
from lowsky.geo.heights.altitude import VerticalReference
from lowsky.geo.volumes.nodes import Cover
from lowsky.geo.volumes.stored_volumes import Run, StoredVolumes
from lowsky.geo.volumes.volumes import Volumes

PAIRS_ON_LOOP_MAX: Final = 200_000
"""Pairs of volumes compared on the event loop, some 5 ms. More go to a thread, so that other calls and heartbeats do
not wait."""

PAIRS_MAX: Final = 4_000_000
"""Pairs of volumes of one plan and all nearby reservations that may overlap in time and position: a fifth of a second,
for which others wait. A flight of a few kilometres over a busy hub has some thousands."""

RIVALS_MAX: Final = 5_000
"""Flights near one plan: as many as are over a city in ten minutes."""

DESCRIBED_ON_LOOP_MAX: Final = 20
"""Overlaps described on the event loop, some 5 ms. More go to a thread."""

THREADS: Final = 2
"""Threads for computations while locks on airspace are held: as many as batches hold locks at once. They are dedicated,
because others wait for those locks, and the shared threads may be busy for seconds with imports, indexes and
re-checks."""

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class HoldingDecision:
    """The decision about one contender."""

    findings: Sequence[Finding]
    refused: LowskyError | None


class TooMuchHeldNearby(Exception):
    """Some contenders have too many nearby reservations to be compared while others wait.

    Attributes:
        indexes: Of those contenders.
    """

    def __init__(self, indexes: Sequence[int]) -> None:
        super().__init__(indexes)
        self.indexes = frozenset(indexes)

    def refusal(self, field: str = "flight_plan") -> Invalid:
        """The error for each of these contenders."""
        message = (
            f"there are more flights nearby than a plan can be compared with ({RIVALS_MAX}, or {PAIRS_MAX} pairs of "
            "volumes)"
        )
        return Invalid.field(field, f"{message}: request less airspace, or split the flight", "TOO_LARGE")


class Holding:
    """Decides which plans may reserve the airspace that they request."""

    def __init__(self, reference: VerticalReference) -> None:
        self._reference = reference
        self._shelf = Shelf()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="holding")
        self._aliases: Aliases | None = None

    async def decide(
        self, connection: Connection, contenders: Sequence[Contender], volumes: Volumes, cover: Cover, now: datetime
    ) -> tuple[Sequence[HoldingDecision], Sequence[FlightPlan]]:
        """A decision for each contender, and the plans that change because of them, changed and locked.

        Args:
            contenders: In order of arrival; owners of the volumes and the cover are indexes into this sequence.

        Raises:
            Unavailable: The locks on the airspace were not granted in time.
            TooMuchHeldNearby: Some contenders have too many nearby reservations.
        """
        if not contenders:
            return [], []
        windows, reservations = windows_of(volumes, len(contenders)), Reservations(connection)
        near, busy = await reservations.lock_and_near(contenders, windows, cover)
        rivals = await self._rivals(reservations, near, contenders, volumes, deciding=True)
        locked = await FlightPlanStore(connection).lock_present(_to_lock(contenders, rivals))
        outcomes = resolve(contenders, rivals, locked, windows, busy)
        aliases = await self.aliases(connection)
        decisions = await self._decisions(contenders, outcomes, aliases)
        return decisions, _changed(contenders, outcomes, aliases, now)

    async def preview(
        self, connection: Connection, contenders: Sequence[Contender], volumes: Volumes, cover: Cover
    ) -> Sequence[HoldingDecision]:
        """What would be decided now about each contender alone; nothing is locked or changed."""
        rivals = await self.rivals(connection, contenders, volumes, cover)
        met = await FlightPlanStore(connection).present(_to_lock(contenders, rivals))
        windows = windows_of(volumes, len(contenders))
        busy_of: list[list[Busy]] = [[] for _ in contenders]
        for one in await Reservations(connection).busy(contenders, windows):
            busy_of[one.index].append(replace(one, index=0))
        alone = [
            resolve([contender], [its_rivals], met, [window], busy)[0]
            for contender, its_rivals, window, busy in zip(contenders, rivals, windows, busy_of, strict=True)
        ]
        return await self._decisions(contenders, alone, await self.aliases(connection))

    async def aliases(self, connection: Connection) -> Aliases:
        """The aliases of flights; their key is read once."""
        if self._aliases is None:
            self._aliases = await Aliases.kept(connection)
        return self._aliases

    async def rivals(
        self, connection: Connection, contenders: Sequence[Contender], volumes: Volumes, cover: Cover
    ) -> Sequence[Sequence[Rival]]:
        """For each contender, the stored reservations that it overlaps."""
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
        """For each contender, the nearby reservations that it overlaps; if deciding, also those of the batch."""
        if near:
            _require_at_most(RIVALS_MAX, np.bincount([held.index for held in near]))
        fetched = await self._fetched(reservations, near)
        needed: dict[Key, Volumes | None] = {}
        pairs: list[tuple[int, Key, int]] = []
        for held in near:
            revision, its_volumes = fetched.get(held.plan, (held.revision, None))
            if revision:
                needed[held.plan, revision] = its_volumes
                pairs.append((held.index, (held.plan, revision), held.priority))
        keys = [(contender.plan, 1) for contender in contenders]
        stored, runs = self._shelf.together(keys, volumes, needed)
        rivals: list[list[Rival]] = [[] for _ in contenders]
        ours, theirs = [runs[keys[index]] for index, _, _ in pairs], [runs[key] for _, key, _ in pairs]
        if pairs:
            indexes = [index for index, _, _ in pairs]
            _require_at_most(PAIRS_MAX, np.bincount(indexes, stored.near_counts(ours, theirs)))
        for pair in (await self._meet(stored, ours, theirs)).nonzero()[0].tolist():
            index, (plan, _), priority = pairs[pair]
            rivals[index].append(Rival(plan, priority, stored, ours[pair], theirs[pair]))
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
        """Adds the contenders of the batch that overlap each other, except those that are certain to be blocked."""
        blocked = _blocked_for_good(contenders, rivals)
        pairs = [(a, b) for a, b in _near_each_other(volumes, len(contenders)) if a not in blocked and b not in blocked]
        met = await self._meet(stored, [runs[a] for a, _ in pairs], [runs[b] for _, b in pairs])
        for pair in met.nonzero()[0].tolist():
            for index, other in (pairs[pair], pairs[pair][::-1]):
                rival = contenders[other]
                rivals[index].append(Rival(rival.plan, rival.priority, stored, runs[index], runs[other]))

    async def meetings(self, rivals: Sequence[Rival]) -> Sequence[FlightOverlap]:
        """Where, when and at which altitudes each pair overlaps: some milliseconds for ten pairs, so only for those
        that get a finding."""
        if not rivals:
            return []
        stored, ours, theirs = rivals[0].stored, [one.ours for one in rivals], [one.theirs for one in rivals]

        def describe() -> Sequence[FlightOverlap]:
            overlaps = stored.overlaps(ours, theirs, self._reference)
            met = meetings(stored, overlaps, ours, theirs, self._reference)
            return [met[pair] for pair in range(len(rivals))]

        return await (self._in_thread(describe) if len(rivals) > DESCRIBED_ON_LOOP_MAX else _at_once(describe))

    async def _fetched(
        self, reservations: Reservations, near: Sequence[Held]
    ) -> Mapping[UUID, tuple[int, Volumes | None]]:
        """Revision and volumes of those that are not cached; revision 0 for those that were freed meanwhile."""
        fetched: dict[UUID, tuple[int, Volumes | None]] = {}
        while True:
            # Another batch may have changed the cache while this one waited for the database.
            missing = {h.plan for h in near if h.plan not in fetched and (h.plan, h.revision) not in self._shelf}
            if not missing:
                return fetched
            fetched |= dict.fromkeys(missing, (0, None))
            fetched |= await reservations.volumes(missing)

    async def _in_thread(self, work: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _meet(self, stored: StoredVolumes, ours: list[Run], theirs: list[Run]) -> NDArray[np.bool_]:
        def compare() -> NDArray[np.bool_]:
            return stored.meet(ours, theirs, self._reference)

        pairs = sum(a.count * b.count for a, b in zip(ours, theirs, strict=True))
        return await (self._in_thread(compare) if pairs > PAIRS_ON_LOOP_MAX else _at_once(compare))

    async def _decisions(
        self, contenders: Sequence[Contender], outcomes: Sequence[Contest], aliases: Aliases
    ) -> Sequence[HoldingDecision]:
        """The decisions, with the findings that explain them."""
        described = [[*outcome.blocked_by[:NAMED_MAX], *(rival for _, rival in outcome.over)] for outcome in outcomes]
        found = iter(await self.meetings([rival for rivals in described for rival in rivals]))
        decisions = []
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
            decisions.append(HoldingDecision([*_busy(contender, outcome), *blocked, *over], outcome.refused))
        return decisions


def _busy(contender: Contender, outcome: Contest) -> Sequence[Finding]:
    """The findings for other plans that occupy the aircraft at the same time, the earliest first."""
    named = sorted(outcome.busy_with, key=lambda one: one.start)[: busy_aircraft.NAMED_MAX]
    findings = [
        busy_aircraft.aircraft_busy(
            f"{contender.operator}/flightPlans/{one.plan}", contender.aircraft, one.start, one.end
        )
        for one in named
    ]
    more = len(outcome.busy_with) - len(named)
    return [*findings, busy_aircraft.busy_with_others(more)] if more else findings


def _require_at_most(limit: int, counts: NDArray[Any]) -> None:
    """Raises TooMuchHeldNearby if the comparison would take seconds, during which others wait for the locks."""
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
    """The indexes of contenders that are blocked by a plan which no contender of the batch displaces or supersedes."""
    highest = max(contender.priority for contender in contenders)
    leaving = {id_of(contender.supersedes) for contender in contenders if contender.supersedes}
    return {
        index
        for index, its_rivals in enumerate(rivals)
        if any(rival.priority >= highest and str(rival.plan) not in leaving for rival in its_rivals)
    }


def _to_lock(contenders: Sequence[Contender], rivals: Sequence[Sequence[Rival]]) -> list[str]:
    """Ids of the plans that may change: those of lower priority, and those that are superseded."""
    ids = {id_of(contender.supersedes) for contender in contenders if contender.supersedes}
    for contender, its_rivals in zip(contenders, rivals, strict=True):
        ids.update(str(rival.plan) for rival in its_rivals if rival.priority < contender.priority)
    return sorted(ids - {str(contender.plan) for contender in contenders})


def _changed(
    contenders: Sequence[Contender], outcomes: Sequence[Contest], aliases: Aliases, now: datetime
) -> Sequence[FlightPlan]:
    """The plans that are displaced, notified or superseded."""
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
