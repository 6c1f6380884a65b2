"""Who may hold what: by priority, then in order of arrival, whoever is in whose way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from lowsky.errors import NotFound, Precondition
from lowsky.flightplans.domain.plan import FINAL, FlightPlan, State
from lowsky.flightplans.holding.precedence import Rival, resolve
from lowsky.flightplans.holding.reserving import _blocked_for_good
from lowsky.flightplans.postgres.reservations import Busy, Contender
from lowsky.geo.volumes.stored_volumes import Run, StoredVolumes
from tests.unit.flightplans.flights import NOW, OPERATOR, plan

NOWHERE = StoredVolumes(0), Run(0, 0), Run(0, 0)
OPEN = (State.SUBMITTED, State.UNDER_REVIEW, State.APPROVED)
FLEET = ("operators/o1/aircraft/a1", "operators/o1/aircraft/a2")
STATES = (*OPEN, State.ACTIVATED, State.CONTINGENT, State.WITHDRAWN, State.RESCINDED)


def uuid(number: int) -> UUID:
    return UUID(int=number)


@dataclass
class Scene:
    """A batch, those who hold something, and who overlaps whom."""

    contenders: list[Contender]
    held: dict[UUID, tuple[int, State]]
    overlaps: list[set[UUID]]
    """Of each contender: of the batch, and of those who hold."""
    aircraft: dict[UUID, str] = field(default_factory=dict)
    """Of those who hold."""
    hours: dict[UUID, tuple[int, int]] = field(default_factory=dict)
    """From when until when all of them fly."""

    @property
    def windows(self) -> list[tuple[datetime, datetime]]:
        return [self.window(contender.plan) for contender in self.contenders]

    def window(self, plan: UUID) -> tuple[datetime, datetime]:
        start, end = self.hours[plan]
        return NOW + timedelta(hours=start), NOW + timedelta(hours=end)

    @property
    def busy(self) -> list[Busy]:
        """As the database would say it: it knows nothing of the batch, nor of what ends in this step."""
        return [
            Busy(place, other, *self.window(other))
            for place, one in enumerate(self.contenders)
            for other in self.held
            if self.aircraft[other] == one.aircraft and self.same_time(other, one.plan)
        ]

    def same_time(self, one: UUID, other: UUID) -> bool:
        return bool(set(range(*self.hours[one])) & set(range(*self.hours[other])))

    @property
    def rivals(self) -> list[list[Rival]]:
        priorities = {c.plan: c.priority for c in self.contenders} | {k: p for k, (p, _) in self.held.items()}
        return [[Rival(other, priorities[other], *NOWHERE) for other in sorted(overlaps)] for overlaps in self.overlaps]

    @property
    def locked(self) -> dict[str, FlightPlan]:
        """Those who may change: of lower priority than one that they overlap, or superseded."""
        ids = {other for c, overlaps in zip(self.contenders, self.overlaps, strict=True)
               for other in overlaps if other in self.held and self.held[other][0] < c.priority}  # fmt: skip
        ids |= {UUID(c.supersedes.rpartition("/")[2]) for c in self.contenders if c.supersedes}
        return {
            str(id_): plan(self.held[id_][1], name=f"{OPERATOR}/flightPlans/{id_}") for id_ in ids if id_ in self.held
        }


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    held = {
        uuid(100 + n): (draw(st.integers(0, 3)), draw(st.sampled_from(STATES))) for n in range(draw(st.integers(0, 5)))
    }
    contenders = []
    for n in range(draw(st.integers(1, 5))):
        supersedes = draw(st.none() | st.sampled_from([*held, uuid(999)]))
        name = f"{OPERATOR}/flightPlans/{supersedes}" if supersedes else ""
        contenders.append(Contender(uuid(n), OPERATOR, draw(st.sampled_from(FLEET)), draw(st.integers(0, 3)), name))
    overlaps: list[set[UUID]] = [set() for _ in contenders]
    for a in range(len(contenders)):
        for b in range(a):
            if draw(st.booleans()):
                overlaps[a].add(uuid(b))
                overlaps[b].add(uuid(a))
        overlaps[a] |= {other for other in held if draw(st.booleans())}
    hours = {}
    for id_ in [*held, *(contender.plan for contender in contenders)]:
        start = draw(st.integers(0, 6))
        hours[id_] = start, start + draw(st.integers(1, 3))
    return Scene(contenders, held, overlaps, {id_: draw(st.sampled_from(FLEET)) for id_ in held}, hours)


def decided(scene: Scene, rivals: Sequence[Sequence[Rival]]) -> list[str]:
    return [
        "refused" if one.refused else "blocked" if one.blocked_by or one.busy_with else "accepted"
        for one in resolve(scene.contenders, rivals, scene.locked, scene.windows, scene.busy)
    ]


def one_by_one(scene: Scene) -> tuple[list[str], dict[UUID, int]]:
    """As if each came alone, the highest priority first; and who displaced whom."""
    holding = {other: (priority, state) for other, (priority, state) in scene.held.items() if state not in FINAL}
    said, aircraft = [""] * len(scene.contenders), dict(scene.aircraft)
    displaced: dict[UUID, int] = {}
    for place in sorted(range(len(said)), key=lambda place: (-scene.contenders[place].priority, place)):
        contender = scene.contenders[place]
        leaving = UUID(contender.supersedes.rpartition("/")[2]) if contender.supersedes else None
        if leaving is not None and (leaving not in holding or holding[leaving][1] not in OPEN):
            said[place] = "refused"
            continue
        met = {other: holding[other] for other in scene.overlaps[place] if other in holding and other != leaving}
        ending = {other for other, (_, state) in met.items() if state in OPEN} | {leaving}
        flown = {other for other in holding if aircraft[other] == contender.aircraft} - ending
        if any(priority >= contender.priority for priority, _ in met.values()) or any(
            scene.same_time(other, contender.plan) for other in flown
        ):
            said[place] = "blocked"
            continue
        said[place] = "accepted"
        for other, (_, state) in met.items():
            if state in OPEN:
                displaced[other] = place
                del holding[other]
        if leaving is not None:
            del holding[leaving]
        holding[contender.plan] = contender.priority, State.SUBMITTED
        aircraft[contender.plan] = contender.aircraft
    return said, displaced


def lawful(scene: Scene) -> Scene:
    """Whoever is over already holds nothing: it is met only in the moment in which it ends."""
    over = {other for other, (priority, state) in scene.held.items() if state in FINAL}
    for other in over - {UUID(id_) for id_ in scene.locked}:
        scene.hours[other] = 99, 100
    for contender, overlaps in zip(scene.contenders, scene.overlaps, strict=True):
        overlaps -= {other for other in over if scene.held[other][0] >= contender.priority}
    return scene


@settings(max_examples=500, deadline=None)
@given(scenes().map(lawful))
def test_a_batch_is_decided_as_if_each_came_alone_the_highest_priority_first(scene: Scene) -> None:
    said, displaced = one_by_one(scene)
    assert decided(scene, scene.rivals) == said
    for place, outcome in enumerate(resolve(scene.contenders, scene.rivals, scene.locked, scene.windows, scene.busy)):
        gave_way = {UUID(other.id) for other, _ in outcome.over if not other.is_flying}
        assert gave_way == {other for other, by in displaced.items() if by == place}
        assert bool(outcome.superseded) == (said[place] == "accepted" and bool(scene.contenders[place].supersedes))


@settings(max_examples=500, deadline=None)
@given(scenes().map(lawful))
def test_those_that_are_blocked_for_good_need_not_be_compared_within_the_batch(scene: Scene) -> None:
    batch = {contender.plan for contender in scene.contenders}
    held = [[rival for rival in rivals if rival.plan not in batch] for rivals in scene.rivals]
    out = {scene.contenders[place].plan for place in _blocked_for_good(scene.contenders, held)}
    fewer = [
        [rival for rival in rivals if rival.plan not in batch or not {rival.plan, contender.plan} & out]
        for contender, rivals in zip(scene.contenders, scene.rivals, strict=True)
    ]
    assert decided(scene, fewer) == decided(scene, scene.rivals)


def alone(held: dict[UUID, tuple[int, State]], supersedes: UUID, operator: str = OPERATOR) -> object:
    contender = Contender(uuid(1), operator, f"{operator}/aircraft/a1", 0, f"{operator}/flightPlans/{supersedes}")
    scene = Scene([contender], held, [set()], hours={uuid(1): (0, 1)})
    return resolve([contender], [[]], scene.locked, scene.windows)[0].refused


def test_only_an_own_plan_that_has_not_taken_off_is_superseded() -> None:
    assert alone({uuid(9): (0, State.APPROVED)}, uuid(9)) is None
    assert isinstance(alone({uuid(9): (0, State.ACTIVATED)}, uuid(9)), Precondition)
    assert isinstance(alone({uuid(9): (0, State.WITHDRAWN)}, uuid(9)), Precondition)
    assert isinstance(alone({uuid(9): (0, State.APPROVED)}, uuid(9), "operators/another"), NotFound)
    assert isinstance(alone({}, uuid(9)), NotFound)
