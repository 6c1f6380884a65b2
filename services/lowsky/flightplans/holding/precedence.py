"""Decides which plans of a batch may reserve their airspace, given all overlaps."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from lowsky.errors import LowskyError, NotFound, Precondition
from lowsky.flightplans.checks.conflict import FlightOverlap
from lowsky.flightplans.domain.plan import OPEN, FlightPlan
from lowsky.flightplans.postgres.reservations import Busy, Contender, Windows
from lowsky.geo.volumes.stored_volumes import Run, StoredVolumes


@dataclass(frozen=True, slots=True)
class Rival:
    """A plan whose airspace a contender's overlaps, and where the volumes of both are stored."""

    plan: UUID
    priority: int
    stored: StoredVolumes
    ours: Run
    theirs: Run


@dataclass(slots=True)
class Contest:
    """The decision about a contender, before its findings are made."""

    blocked_by: list[Rival] = field(default_factory=list)
    busy_with: list[Busy] = field(default_factory=list)
    """Plans that occupy its aircraft at the same time."""
    over: list[tuple[FlightPlan, Rival]] = field(default_factory=list)
    """Plans of lower priority that give way to it, or whose flights are in progress."""
    met_over: list[FlightOverlap] = field(default_factory=list)
    """The overlaps with those plans, in the same order."""
    superseded: FlightPlan | None = None
    refused: LowskyError | None = None


def resolve(
    contenders: Sequence[Contender],
    rivals: Sequence[Sequence[Rival]],
    locked: Mapping[str, FlightPlan],
    windows: Windows,
    busy: Sequence[Busy] = (),
) -> Sequence[Contest]:
    """Decides by priority, then in order of arrival, so that no plan of a batch is both accepted and displaced.

    An aircraft stays occupied whatever the priority: a plan of the same aircraft counts unless it ends in the same
    transaction, because it is superseded, or because a flight of higher priority takes its airspace. A plan that only
    overlaps in time is not displaced: only the operator can decide which of the two is to be flown.

    Args:
        windows: Of each contender.
        busy: Stored plans that occupy the aircraft of contenders, with the contenders' indexes.
    """
    outcomes = [Contest() for _ in contenders]
    in_batch = {contender.plan for contender in contenders}
    accepted: set[UUID] = set()
    taken: dict[str, list[Busy]] = {}
    """Accepted plans of the batch, by aircraft."""
    busy_of: dict[int, list[Busy]] = {}
    for one in busy:
        busy_of.setdefault(one.index, []).append(one)
    gone: set[str] = {id_ for id_, plan in locked.items() if plan.is_over}
    for index in sorted(range(len(contenders)), key=lambda index: -contenders[index].priority):
        contender, outcome = contenders[index], outcomes[index]
        if contender.supersedes:
            superseded = locked.get(id_of(contender.supersedes))
            outcome.refused = _refusal(contender, superseded, gone)
            if outcome.refused is not None:
                continue
            outcome.superseded = superseded
        for rival in rivals[index]:
            id_ = str(rival.plan)
            if rival.plan in in_batch:
                if rival.plan in accepted:
                    outcome.blocked_by.append(rival)
            elif id_ in gone or (outcome.superseded is not None and outcome.superseded.id == id_):
                continue
            elif rival.priority >= contender.priority:
                outcome.blocked_by.append(rival)
            elif id_ in locked:
                outcome.over.append((locked[id_], rival))
        ending = {other.id for other, _ in outcome.over if not other.is_flying}
        if outcome.superseded is not None:
            ending.add(outcome.superseded.id)
        start, end = windows[index]
        of_batch = [one for one in taken.get(contender.aircraft, ()) if one.start < end and start < one.end]
        stored = [one for one in busy_of.get(index, ()) if str(one.plan) not in gone | ending]
        outcome.busy_with = [*stored, *of_batch]
        if outcome.blocked_by or outcome.busy_with:
            outcome.over, outcome.superseded = [], None
            continue
        accepted.add(contender.plan)
        taken.setdefault(contender.aircraft, []).append(Busy(index, contender.plan, start, end))
        gone |= ending
    return outcomes


def _refusal(contender: Contender, superseded: FlightPlan | None, gone: Collection[str]) -> LowskyError | None:
    if superseded is None or superseded.name != contender.supersedes or superseded.operator != contender.operator:
        return NotFound(contender.supersedes)
    if superseded.state in OPEN and superseded.id not in gone:
        return None
    return Precondition(
        "CANNOT_BE_SUPERSEDED",
        f"{superseded.name} is {superseded.state}: only a plan that is neither activated nor over can be superseded",
        metadata={"resource": superseded.name, "state": superseded.state},
    )


def id_of(name: str) -> str:
    return name.rpartition("/")[2]
