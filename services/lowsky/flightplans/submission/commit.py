"""The transaction of a batch: responses by request id, the conflict decision, plans, reservations and events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextvars import Context
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from lowsky.db.database import Connection, Database
from lowsky.db.idempotency import Request, earlier_answers, forget_answers, keep_answers
from lowsky.errors import LowskyError
from lowsky.flightplans.domain.plan import FlightPlan, State
from lowsky.flightplans.holding.reserving import Holding, HoldingDecision, TooMuchHeldNearby
from lowsky.flightplans.postgres.airspace_locks import LOCKS_MAX, lock_counts
from lowsky.flightplans.postgres.plans import FlightPlanStore
from lowsky.flightplans.postgres.rechecks import Begun, rechecks_begun
from lowsky.flightplans.postgres.reservations import Contender, reservations_of
from lowsky.flightplans.projections.areas import StatedAreas
from lowsky.geo.volumes.encoding import Line
from lowsky.geo.volumes.nodes import Cover
from lowsky.geo.volumes.volumes import Volumes

Answer = bytes | LowskyError
"""The serialised response to a submission, or the error with which it is refused."""


@dataclass(slots=True)
class CheckedPlan:
    """A plan after the checks that do not depend on other plans, and the response if there were no others."""

    request: Request
    context: Context
    plan: FlightPlan
    priority: int
    supersedes: str
    line: Line | None
    answer: bytes

    @property
    def contends(self) -> bool:
        """Whether it requests a reservation: not if it is already rejected."""
        return self.plan.state is State.SUBMITTED

    @property
    def contender(self) -> Contender:
        id_ = UUID(self.plan.id) if self.plan.name else uuid4()  # a dry run has no name
        return Contender(id_, self.plan.operator, self.plan.aircraft, self.priority, self.supersedes, self.line)


class Overtaken(Exception):
    """A re-check against a newer airspace or newer areas has begun."""

    def __init__(self, begun: Begun) -> None:
        super().__init__(begun)
        self.begun = begun


class Commit:
    """Stores batches."""

    def __init__(self, database: Database, holding: Holding, to_answer: Callable[[FlightPlan], bytes]) -> None:
        self._database = database
        self._holding = holding
        self._to_answer = to_answer

    async def store(
        self,
        checked: Sequence[CheckedPlan],
        volumes: Volumes,
        nodes: Cover,
        airspace_revision: int,
        areas: StatedAreas,
        now: datetime,
    ) -> Sequence[Answer]:
        """Stores new plans, a portion in one transaction; a repeated request gets its stored response.

        Args:
            checked: In order of arrival; owners of volumes and nodes are indexes into this sequence.
            airspace_revision, areas: What the plans were checked against.

        Raises:
            Overtaken: A re-check against a newer airspace has begun: the remaining portions were not stored.
            Unavailable: The database cannot be reached, or locks on the airspace were not granted in time.
        """
        outcomes: list[Answer] = []
        for indexes in _portions(nodes, len(checked)):
            portion = [checked[index] for index in indexes]
            outcomes += await self._store_all_but_crowded(
                portion, volumes.of_owners(indexes), nodes.of_owners(indexes), airspace_revision, areas, now
            )
        return outcomes

    async def _store_all_but_crowded(
        self,
        checked: Sequence[CheckedPlan],
        volumes: Volumes,
        nodes: Cover,
        airspace_revision: int,
        areas: StatedAreas,
        now: datetime,
    ) -> Sequence[Answer]:
        """Refuses plans with too many nearby reservations, and stores the others without them."""
        if not checked:
            return []
        try:
            return await self._store(checked, volumes, nodes, airspace_revision, areas, now)
        except TooMuchHeldNearby as crowded:
            others = [n for n in range(len(checked)) if n not in crowded.indexes]
            outcomes: list[Answer] = [crowded.refusal()] * len(checked)
            stored = await self._store_all_but_crowded(
                [checked[n] for n in others],
                volumes.of_owners(others),
                nodes.of_owners(others),
                airspace_revision,
                areas,
                now,
            )
            for n, outcome in zip(others, stored, strict=True):
                outcomes[n] = outcome
            return outcomes

    async def _store(
        self,
        checked: Sequence[CheckedPlan],
        volumes: Volumes,
        nodes: Cover,
        airspace_revision: int,
        areas: StatedAreas,
        now: datetime,
    ) -> Sequence[Answer]:
        contending = [n for n, one in enumerate(checked) if one.contends]
        held = reservations_of(
            [checked[n].contender for n in contending], volumes.of_owners(contending), nodes.of_owners(contending)
        )
        reservations = dict(zip(contending, held, strict=True))
        outcomes: list[Answer] = [one.answer for one in checked]
        async with self._database.transaction() as connection:
            begun = await rechecks_begun(connection)
            if begun.overtakes(airspace_revision, areas):
                raise Overtaken(begun)
            earlier = await earlier_answers(
                connection, [one.request for one in checked], [one.answer for one in checked]
            )
            for n, kept in enumerate(earlier):
                outcomes[n] = kept or outcomes[n]
            new = [n for n, kept in enumerate(earlier) if kept is None]
            wanting = [n for n in new if n in reservations]
            contenders = [checked[n].contender for n in wanting]
            its_volumes, its_nodes = volumes.of_owners(wanting), nodes.of_owners(wanting)
            try:
                decisions, changed = await self._holding.decide(connection, contenders, its_volumes, its_nodes, now)
            except TooMuchHeldNearby as crowded:
                raise TooMuchHeldNearby([wanting[index] for index in crowded.indexes]) from None
            for n, decision in zip(wanting, decisions, strict=True):
                outcomes[n] = self.after(checked[n], decision)
            await self._correct(connection, [(checked[n], outcomes[n]) for n in wanting])
            stored = [n for n in new if isinstance(outcomes[n], bytes)]
            store = FlightPlanStore(connection)
            await store.add(
                [(checked[n].plan, checked[n].context) for n in stored],
                [reservations[n] for n in stored if checked[n].contends],
            )
            await store.save(changed)
        return outcomes

    def after(self, checked: CheckedPlan, decision: HoldingDecision) -> Answer:
        """The response after the conflict decision."""
        if decision.refused is not None:
            return decision.refused
        if decision.findings:
            plan = checked.plan
            plan.assess([*plan.findings, *decision.findings], plan.airspace_revision)
            return self._to_answer(plan)
        return checked.answer

    async def _correct(self, connection: Connection, answers: Sequence[tuple[CheckedPlan, Answer]]) -> None:
        """Corrects the stored responses, which were stored before the conflict decision, where that changed them."""
        changed: list[tuple[Request, bytes]] = []
        refused: list[Request] = []
        for one, answer in answers:
            if not isinstance(answer, bytes):
                refused.append(one.request)
            elif answer is not one.answer:
                changed.append((one.request, answer))
        if changed:
            await keep_answers(connection, changed)
        if refused:
            await forget_answers(connection, refused)


def _portions(nodes: Cover, count: int) -> Iterator[Sequence[int]]:
    """The indexes of a batch, in one portion, or in several if one transaction would take too many locks."""
    counts = (lock_counts(nodes, count) + 1).tolist()  # and one for the aircraft
    portion: list[int] = []
    locks = 0
    for index, needed in enumerate(counts):
        if portion and locks + needed > LOCKS_MAX:
            yield portion
            portion, locks = [], 0
        portion.append(index)
        locks += needed
    if portion:
        yield portion
