"""The one transaction of a batch: answers by request id, who may hold the airspace, plans, reservations and events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextvars import Context
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from lowsky.db.database import Connection, Database
from lowsky.db.requests import Request, earlier_answers, forget_answers, keep_answers
from lowsky.errors import LowskyError
from lowsky.flightplans.domain.plan import FlightPlan, State
from lowsky.flightplans.holding.deciding import Holding, HoldingDecision, TooMuchHeldNearby
from lowsky.flightplans.postgres.airspace_locks import LOCKS_MAX, lock_counts
from lowsky.flightplans.postgres.plans import FlightPlanStore
from lowsky.flightplans.postgres.rechecks import Begun, rechecks_begun
from lowsky.flightplans.postgres.reservations import Contender, reservations_of
from lowsky.flightplans.projections.areas import StatedAreas
from lowsky.geo.volumes.encoding import Line
from lowsky.geo.volumes.nodes import Cover
from lowsky.geo.volumes.volumes import Volumes

Answer = bytes | LowskyError
"""The answer to a submission, or why it is refused."""


@dataclass(slots=True)
class CheckedPlan:
    """A plan as the checks leave it, which look at nobody else, and the answer that its submitter would get."""

    request: Request
    context: Context
    plan: FlightPlan
    priority: int
    supersedes: str
    line: Line | None
    answer: bytes

    @property
    def contends(self) -> bool:
        """Whether it is to hold airspace: not where it is rejected anyhow."""
        return self.plan.state is State.SUBMITTED

    @property
    def contender(self) -> Contender:
        id_ = UUID(self.plan.id) if self.plan.name else uuid4()  # a dry run has no name
        return Contender(id_, self.plan.operator, self.plan.aircraft, self.priority, self.supersedes, self.line)


class Overtaken(Exception):
    """Plans are being checked again, against a newer airspace or newer areas."""

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
        """Stores what is new, all or nothing; a request that came before keeps its answer.

        Args:
            checked: In order of arrival; owners of volumes and nodes are their places.
            airspace_revision, areas: What they were checked against.

        Raises:
            Overtaken: Plans have begun to be checked against a newer airspace: the rest was not stored.
            Unavailable: The database is away, or others decide about the same airspace for too long.
        """
        outcomes: list[Answer] = []
        for places in _portions(nodes, len(checked)):
            portion = [checked[place] for place in places]
            outcomes += await self._store_all_but_crowded(
                portion, volumes.of_owners(places), nodes.of_owners(places), airspace_revision, areas, now
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
        """Those near which too much is held are refused, and the others stored without them."""
        if not checked:
            return []
        try:
            return await self._store(checked, volumes, nodes, airspace_revision, areas, now)
        except TooMuchHeldNearby as crowded:
            rest = [n for n in range(len(checked)) if n not in crowded.places]
            outcomes: list[Answer] = [crowded.refusal()] * len(checked)
            others = [checked[n] for n in rest]
            stored = await self._store_all_but_crowded(
                others, volumes.of_owners(rest), nodes.of_owners(rest), airspace_revision, areas, now
            )
            for n, outcome in zip(rest, stored, strict=True):
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
                verdicts, changed = await self._holding.decide(connection, contenders, its_volumes, its_nodes, now)
            except TooMuchHeldNearby as crowded:
                raise TooMuchHeldNearby([wanting[place] for place in crowded.places]) from None
            for n, verdict in zip(wanting, verdicts, strict=True):
                outcomes[n] = self.after(checked[n], verdict)
            await self._correct(connection, [(checked[n], outcomes[n]) for n in wanting])
            stored = [n for n in new if isinstance(outcomes[n], bytes)]
            store = FlightPlanStore(connection)
            await store.add(
                [(checked[n].plan, checked[n].context) for n in stored],
                [reservations[n] for n in stored if checked[n].contends],
            )
            await store.save(changed)
        return outcomes

    def after(self, checked: CheckedPlan, verdict: HoldingDecision) -> Answer:
        """The answer, with what other flights have to say to the plan."""
        if verdict.refused is not None:
            return verdict.refused
        if verdict.findings:
            plan = checked.plan
            plan.assess([*plan.findings, *verdict.findings], plan.airspace_revision)
            return self._to_answer(plan)
        return checked.answer

    async def _correct(self, connection: Connection, answers: Sequence[tuple[CheckedPlan, Answer]]) -> None:
        """Answers were kept as if nobody else were there; those that came out otherwise are put right."""
        other: list[tuple[Request, bytes]] = []
        refused: list[Request] = []
        for one, answer in answers:
            if not isinstance(answer, bytes):
                refused.append(one.request)
            elif answer is not one.answer:
                other.append((one.request, answer))
        if other:
            await keep_answers(connection, other)
        if refused:
            await forget_answers(connection, refused)


def _portions(nodes: Cover, count: int) -> Iterator[Sequence[int]]:
    """The batch in one piece, or in several where it would take more locks than one transaction may."""
    counts = (lock_counts(nodes, count) + 1).tolist()  # and that of the aircraft
    portion: list[int] = []
    locks = 0
    for place, needed in enumerate(counts):
        if portion and locks + needed > LOCKS_MAX:
            yield portion
            portion, locks = [], 0
        portion.append(place)
        locks += needed
    if portion:
        yield portion
