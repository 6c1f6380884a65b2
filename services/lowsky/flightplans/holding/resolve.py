"""Who of a batch may hold what they ask for, once it is known whose airspace overlaps whose."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from lowsky.errors import LowskyError, NotFound, Precondition
from lowsky.flightplans.checks.conflict import FlightOverlap
from lowsky.flightplans.domain.plan import FINAL, OPEN, FlightPlan
from lowsky.flightplans.postgres.reservations import Busy, Contender, Windows
from lowsky.geo.volumes.stored import Run, StoredVolumes


@dataclass(frozen=True, slots=True)
class Rival:
    """Somebody whose airspace a contender's overlaps, and where the volumes of both are."""

    plan: UUID
    priority: int
    stored: StoredVolumes
    ours: Run
    theirs: Run


@dataclass(slots=True)
class Contest:
    """What is decided about a contender, before it is said."""

    blocked_by: list[Rival] = field(default_factory=list)
    busy_with: list[Busy] = field(default_factory=list)
    """Plans that its aircraft is to fly at the same time."""
    over: list[tuple[FlightPlan, Rival]] = field(default_factory=list)
    """Plans of lower priority that give way to it, or fly already."""
    met_over: list[FlightOverlap] = field(default_factory=list)
    superseded: FlightPlan | None = None
    refused: LowskyError | None = None


def resolve(
    contenders: Sequence[Contender],
    rivals: Sequence[Sequence[Rival]],
    locked: Mapping[str, FlightPlan],
    windows: Windows,
    busy: Sequence[Busy] = (),
) -> Sequence[Contest]:
    """By priority, then in order of arrival, so that nobody in a batch is accepted and displaced at once.

    An aircraft that is busy stays so whatever the priority: a plan of the same aircraft counts unless it ends in the
    same step, because it is superseded, or because the airspace that it holds is taken by a flight of higher priority.
    One that overlaps in time alone is not displaced: only its operator can say which of the two is to be flown.

    Args:
        windows: Of each contender.
        busy: Stored plans that keep the aircraft of contenders busy, by their places.
    """
    outcomes = [Contest() for _ in contenders]
    places = {contender.plan for contender in contenders}
    accepted: set[UUID] = set()
    taken: dict[str, list[Busy]] = {}
    """By aircraft, those of the batch that are accepted."""
    keeping: dict[int, list[Busy]] = {}
    for one in busy:
        keeping.setdefault(one.place, []).append(one)
    gone: set[str] = {id_ for id_, plan in locked.items() if plan.state in FINAL}
    for place in sorted(range(len(contenders)), key=lambda place: -contenders[place].priority):
        contender, outcome = contenders[place], outcomes[place]
        if contender.supersedes:
            superseded = locked.get(id_of(contender.supersedes))
            outcome.refused = _refusal(contender, superseded, gone)
            if outcome.refused is not None:
                continue
            outcome.superseded = superseded
        for rival in rivals[place]:
            id_ = str(rival.plan)
            if rival.plan in places:
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
        start, end = windows[place]
        of_batch = [one for one in taken.get(contender.aircraft, ()) if one.start < end and start < one.end]
        stored = [one for one in keeping.get(place, ()) if str(one.plan) not in gone | ending]
        outcome.busy_with = [*stored, *of_batch]
        if outcome.blocked_by or outcome.busy_with:
            outcome.over, outcome.superseded = [], None
            continue
        accepted.add(contender.plan)
        taken.setdefault(contender.aircraft, []).append(Busy(place, contender.plan, start, end))
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
