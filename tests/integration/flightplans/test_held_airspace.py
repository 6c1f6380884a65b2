"""What plans hold against a model and an oracle (tests/oracle/conflict.py): whatever operators do, and several workers
at once, no two flights of equal priority hold what overlaps, no aircraft is to fly two plans at the same time, and none
is rejected that does neither."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.errors import LowskyError, NotFound, Precondition
from lowsky.findings.finding import Rule
from lowsky.flightplans.domain.plan import FINAL, OPEN, FlightPlan, State
from lowsky.flightplans.postgres.plans import FlightPlanStore
from lowsky.flightplans.postgres.reservations import Reservations
from lowsky.local.stack import Stack
from tests.integration.flightplans.held import AIRBORNE, OPERATORS, Path, drone, emptied, new_database, opened
from tests.integration.flightplans.held_flights import SLICE_S, Flight, flights
from tests.oracle.cases import SITES
from tests.oracle.conflict import Meet, flights_meet

SITE = {"land": SITES[0], "antimeridian": SITES[2]}
FLYING = frozenset[str]({State.ACTIVATED, State.NONCONFORMING, State.CONTINGENT, AIRBORNE})
CONFLICT, BUSY = assessment_pb2.Finding.RULE_CONFLICT, assessment_pb2.Finding.RULE_AIRCRAFT_BUSY
DRONES = 6
"""Of each operator: mostly the airspace is in the way, now and then the aircraft."""
EXAMPLES, STEPS = 60, 15
"""Some 10 s at each place."""
NUMBERS = st.integers(0, 10**6)
"""Which of what is there. What there is depends on which of two workers was first: draws must not."""


@dataclass
class Known:
    """A plan that was stored."""

    name: str
    operator: str
    flight: Flight
    priority: int
    supersedes: str
    answer: pb.FlightPlan

    @property
    def window(self) -> tuple[float, float]:
        """From when until when, half-open."""
        volumes = self.flight.volumes
        return min(one.start_s for one in volumes), max(one.end_s for one in volumes)

    def same_aircraft_and_time(self, other: Known) -> bool:
        (start, end), (its_start, its_end) = self.window, other.window
        return self.flight.message.aircraft == other.flight.message.aircraft and start < its_end and its_start < end


class Machine(RuleBasedStateMachine):
    """One database and two workers for all runs."""

    runner: ClassVar[asyncio.Runner]
    path: ClassVar[Path]
    site: ClassVar[Any]

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, Known] = {}
        self.states: dict[str, str] = {}
        self.meets: dict[tuple[str, str], Meet] = {}
        self.run(emptied(self.path))

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    # --- what people do

    @rule(data=st.data())
    def submit(self, data: st.DataObject) -> None:
        batch = self._batch(data, most=4)
        outcomes = self.run(self.path.submit(*[(operator, flight.message) for operator, flight in batch]))
        self._learn_in_order(batch, outcomes)

    @rule(data=st.data())
    def submit_at_two_workers_at_once(self, data: st.DataObject) -> None:
        batches = [self._batch(data, most=3), self._batch(data, most=3)]

        async def both() -> Any:
            asked = [[(operator, flight.message) for operator, flight in batch] for batch in batches]
            return await asyncio.gather(*(self.path.submit(*one, worker=n) for n, one in enumerate(asked)))

        outcomes = self.run(both())
        before, new = dict(self.states), []
        for batch, its_outcomes in zip(batches, outcomes, strict=True):
            new += self._stored(batch, its_outcomes)
        self.states = dict(self.run(self.path.states()))
        for one in new:
            if self._was_blocked(one):
                there = [n for n, state in before.items() if state not in FINAL] + [k.name for k in new if k is not one]
                assert any(self._blocks(name, one) for name in there), f"{one.answer} is rejected and meets nobody"

    @rule(data=st.data())
    def ask_what_would_be(self, data: st.DataObject) -> None:
        """A dry run says what would become of the flight, and changes nothing."""
        ((operator, flight),) = self._batch(data, most=1)
        (outcome,) = self.run(self.path.submit((operator, flight.message), dry_run=[True]))
        assert dict(self.run(self.path.states())) == self.states
        if isinstance(outcome, LowskyError):
            return
        priority, supersedes = flight.message.priority, flight.message.supersedes
        one = Known("dry", operator, flight, priority, supersedes, outcome)
        self._judge(one, {name for name, state in self.states.items() if state not in FINAL}, self.states)
        self.meets = {pair: meet for pair, meet in self.meets.items() if "dry" not in pair}

    @rule(which=NUMBERS, what=NUMBERS)
    def decide_or_withdraw(self, which: int, what: int) -> None:
        if not (able := self._in(OPEN)):
            return
        name, now = able[which % len(able)], self.path.clock.time
        moves: list[Callable[[FlightPlan], None]] = [lambda plan: plan.withdraw("", now)]
        if self.states[name] is not State.APPROVED:
            moves += [
                lambda plan: plan.approve("approvals/a", "n", "", now),
                lambda plan: plan.put_under_review("approvals/a", "n", now),
                lambda plan: plan.reject("approvals/a", "n", "", now),
                lambda plan: plan.expire("", now),
            ]
        self._move(name, moves[what % len(moves)])

    @rule(which=NUMBERS)
    def take_off(self, which: int) -> None:
        if not (able := self._in(OPEN)):
            return
        name = able[which % len(able)]
        if self.states[name] is not State.APPROVED:
            self._move(name, lambda plan: plan.approve("approvals/a", "n", "", self.path.clock.time))
        plan = self.run(self.path.plan(name))
        self.path.clock.time = max(self.path.clock.time, plan.start)
        self._close_overdue()
        if self.path.clock.time < plan.end:
            self._move(name, lambda plan: plan.activate(self.path.clock.time))

    @rule(which=NUMBERS)
    def rescind(self, which: int) -> None:
        """An authority takes an approval back, whether the flight is on the ground or under way."""
        if able := self._in((FLYING - {AIRBORNE}) | {State.APPROVED}):
            name = able[which % len(able)]
            flies = self.states[name] in FLYING
            self._move(name, lambda plan: plan.rescind("", self.path.clock.time))
            assert self.states[name] == (AIRBORNE if flies else State.RESCINDED)

    @rule(which=NUMBERS)
    def land(self, which: int) -> None:
        if flying := self._in(FLYING):
            self._move(flying[which % len(flying)], lambda plan: plan.end_flight(self.path.clock.time))

    @rule(minutes=st.sampled_from([2, 5, 20]))
    def let_time_pass(self, minutes: int) -> None:
        self.path.clock.time += timedelta(minutes=minutes)
        self._close_overdue()

    # --- what holds

    @invariant()
    def reservations_are_those_of_plans_that_are_not_over(self) -> None:
        self.run(self.path.check_what_is_held())

    @invariant()
    def what_overlaps_is_of_another_priority_and_the_lower_one_flies(self) -> None:
        holding = [name for name, state in self.states.items() if state not in FINAL]
        for a, b in combinations(holding, 2):
            if self._meet(a, b) is Meet.YES:
                low, high = sorted((self.known[a], self.known[b]), key=lambda one: one.priority)
                assert low.priority < high.priority, f"{a} and {b} hold the same airspace"
                assert self.states[low.name] in FLYING, f"{low.name} does not give way to {high.name}"

    @invariant()
    def no_aircraft_flies_two_plans_at_the_same_time(self) -> None:
        holding = [name for name, state in self.states.items() if state not in FINAL]
        for a, b in combinations(holding, 2):
            assert not self.known[a].same_aircraft_and_time(self.known[b]), f"{a} and {b} take the same aircraft"

    # --- how it is told

    def _batch(self, data: st.DataObject, most: int) -> list[tuple[str, Flight]]:
        base_s = math.ceil(self.path.clock.time.timestamp() / SLICE_S) * SLICE_S
        batch = []
        for _ in range(data.draw(st.integers(1, most))):
            operator, flight = data.draw(st.sampled_from(OPERATORS)), data.draw(flights(self.site, base_s))
            flight.message.aircraft = drone(operator, data.draw(st.integers(0, DRONES - 1)))
            flight.message.priority = data.draw(st.sampled_from([0, 0, 0, 2, 3]))  # type: ignore[assignment]
            supersedes, which = data.draw(st.integers(0, 3)) == 0, data.draw(NUMBERS)
            if supersedes and self.known:
                own = [name for name, one in self.known.items() if one.operator == operator] or list(self.known)
                flight.message.supersedes = own[which % len(own)]
            batch.append((operator, flight))
        return batch

    def _stored(self, batch: Sequence[tuple[str, Flight]], outcomes: Sequence[Any]) -> list[Known]:
        """Those that became plans; the others were refused for what they supersede."""
        new = []
        for (operator, flight), outcome in zip(batch, outcomes, strict=True):
            supersedes = flight.message.supersedes
            if isinstance(outcome, LowskyError):
                assert supersedes
                foreign = self.known[supersedes].operator != operator
                assert isinstance(outcome, NotFound if foreign else Precondition)
                continue
            one = Known(outcome.name, operator, flight, flight.message.priority, supersedes, outcome)
            self.known[one.name] = one
            new.append(one)
        return new

    def _learn_in_order(self, batch: Sequence[tuple[str, Flight]], outcomes: Sequence[Any]) -> None:
        """One batch is decided by priority, then in order of arrival."""
        holding = {name for name, state in self.states.items() if state not in FINAL}
        before = dict(self.states)
        new = self._stored(batch, outcomes)
        self.states = dict(self.run(self.path.states()))
        assert set(self.states) == set(self.known)
        for one in sorted(new, key=lambda one: -one.priority):
            self._judge(one, holding, before)
            if not self._was_blocked(one):
                gone = self._displaced_by(one)
                for name in sorted(holding):
                    lower = self.known[name].priority < one.priority and name != one.supersedes
                    if lower and before.get(name) in OPEN and self._meet(name, one.name) is Meet.YES:
                        assert name in gone, f"{name} is not told of {one.name}"
                    if name in gone:
                        assert lower
                        assert self._meet(name, one.name) is not Meet.NO
                holding -= {name for name in gone if self.states[name] in FINAL}
                holding -= {one.supersedes}
                holding.add(one.name)
                if one.supersedes:
                    assert self.states[one.supersedes] is State.WITHDRAWN
        assert holding == {name for name, state in self.states.items() if state not in FINAL}

    def _judge(self, one: Known, holding: set[str], before: Mapping[str, str]) -> None:
        """The verdict on a flight while those hold their airspace and aircraft, which stood so before."""
        self.known.setdefault(one.name, one)
        others = [name for name in holding if name != one.supersedes and self.known[name].priority >= one.priority]
        surest = max((self._meet(name, one.name) for name in others), default=Meet.NO)
        flown = {name for name in holding if name != one.supersedes and self.known[name].same_aircraft_and_time(one)}
        lower = {n for n in flown if self.known[n].priority < one.priority and before.get(n) in OPEN}
        busy = {name for name in flown if name not in lower or self._meet(name, one.name) is Meet.NO}
        perhaps_busy = {name for name in flown if name not in lower or self._meet(name, one.name) is not Meet.YES}
        if one.name == "dry":
            del self.known["dry"]
        named = {finding.subject for finding in one.answer.findings if finding.rule == BUSY}
        assert busy <= named <= perhaps_busy
        if self._was_blocked(one):
            assert named or surest is not Meet.NO, f"{one.answer} is rejected and meets nobody"
            for finding in one.answer.findings:
                met = [name for name in others if name.endswith(self.path.aliases.plan(finding.subject) or "none")]
                assert finding.rule == BUSY or (finding.rule == CONFLICT and met)
        else:
            assert surest is not Meet.YES, f"{one.answer} is accepted and meets another"

    def _was_blocked(self, one: Known) -> bool:
        rejected: bool = one.answer.state == pb.STATE_REJECTED
        assert rejected == any(finding.rule in (CONFLICT, BUSY) for finding in one.answer.findings)
        return rejected

    def _blocks(self, name: str, one: Known) -> bool:
        other = self.known[name]
        if name == one.supersedes or self._is_rejected_at_once(other):
            return False
        meets = other.priority >= one.priority and self._meet(name, one.name) is not Meet.NO
        return meets or other.same_aircraft_and_time(one)

    def _is_rejected_at_once(self, one: Known) -> bool:
        return bool(one.answer.state == pb.STATE_REJECTED)

    def _displaced_by(self, one: Known) -> set[str]:
        subject = self.path.aliases.name(one.name.rpartition("/")[2])
        displaced = set()
        for name in self.states:
            plan: FlightPlan = self.run(self.path.plan(name))
            if any(f.rule is Rule.DISPLACED_BY_PRIORITY and f.subject == subject for f in plan.findings):
                displaced.add(name)
        return displaced

    def _meet(self, a: str, b: str) -> Meet:
        pair = (min(a, b), max(a, b))
        if pair not in self.meets:
            ours, theirs = self.known[a].flight.volumes, self.known[b].flight.volumes
            self.meets[pair] = flights_meet(ours, theirs, (self.site.lon, self.site.lat), self.site.bounds)
        return self.meets[pair]

    def _in(self, states: Any) -> list[str]:
        return [name for name in self.known if self.states[name] in states]

    def _move(self, name: str, make: Any) -> None:
        self.run(self.path.move(name, make))
        self.states = dict(self.run(self.path.states()))

    def _close_overdue(self) -> None:
        async def close() -> None:
            now = self.path.clock.time
            async with self.path.database.transaction() as connection:
                over = await Reservations(connection).over(now, 1000)
                plans = await FlightPlanStore(connection).lock_present([str(plan) for plan in over])
                for plan in plans.values():
                    plan.close_overdue(now)
                    await FlightPlanStore(connection).save([plan])

        self.run(close())
        self.states = dict(self.run(self.path.states()))


@pytest.fixture(scope="module")
def database_url(infrastructure: Stack) -> Iterator[str]:
    with asyncio.Runner() as runner:
        making = new_database(infrastructure.database_url)
        url = runner.run(making.__aenter__())
        yield url
        runner.run(making.__aexit__(None, None, None))


@pytest.mark.parametrize("where", sorted(SITE))
def test_no_two_flights_hold_the_same_airspace_and_none_is_rejected_that_meets_nobody(
    database_url: str, where: str
) -> None:
    site = SITE[where]
    with asyncio.Runner() as runner:
        opening = opened(database_url, site.reference, workers=2)
        path = runner.run(opening.__aenter__())
        try:
            machine = type("Machine", (Machine,), {"runner": runner, "path": path, "site": site})
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=EXAMPLES,
                    stateful_step_count=STEPS,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                    print_blob=True,
                ),
            )
        finally:
            runner.run(opening.__aexit__(None, None, None))
