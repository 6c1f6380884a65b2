"""What happens to flight plans: a submitted one opens a case, one that meets a changed zone renews it, one that ended
closes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime

from lowsky.approvals.codec.plans import submitted_plan
from lowsky.approvals.domain.approval import Approval, ApprovalState
from lowsky.approvals.domain.plan import SubmittedPlan
from lowsky.approvals.postgres.cases import ApprovalStore
from lowsky.clock import Clock
from lowsky.db.database import Connection
from lowsky.events.consumer import Batched, Handler, consumed
from lowsky.events.event import Event
from lowsky.ids import new_id

GROUP = "approvals"

_SUBMITTED = "lowsky.flightplan.submitted.v1"
_REOPENED = "lowsky.flightplan.reopened.v1"
_REASSESSED = "lowsky.flightplan.reassessed.v1"
_ENDINGS: Mapping[str, Callable[[Approval, datetime], None]] = {
    "lowsky.flightplan.withdrawn.v1": Approval.close,
    "lowsky.flightplan.rejected.v1": Approval.close,
    "lowsky.flightplan.rescinded.v1": Approval.close,
    "lowsky.flightplan.expired.v1": Approval.expire,
}
"""How a plan ends before it flies, and what that is to a case that is still pending. Most often the plan only follows
its case, which is then decided already and stays as it is."""


class FlightPlans:
    """Keeps cases in step with plans, a batch of events at a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    @property
    def handlers(self) -> Mapping[str, Handler | Batched]:
        """By event type."""
        return dict.fromkeys([_SUBMITTED, _REOPENED, _REASSESSED, *_ENDINGS], Batched(self.apply))

    async def apply(self, connection: Connection, events: Sequence[Event]) -> None:
        """Opens, then renews, then closes: that is the order of each plan."""
        store = ApprovalStore(connection)
        now = self._clock.now()
        await self._open(store, _first_by_plan(e for e in events if e.type == _SUBMITTED), now)
        await self._renew(store, [e for e in events if e.type in {_REOPENED, _REASSESSED}], now)
        await self._end(store, _first_by_plan(e for e in events if e.type in _ENDINGS), now)

    async def _open(self, store: ApprovalStore, events: Mapping[str, Event], now: datetime) -> None:
        if not events:
            return
        plans: Sequence[SubmittedPlan] = [submitted_plan(event) for event in events.values()]
        numbers = await store.new_numbers(len(plans), now)
        approvals = [
            Approval.open(f"approvals/{new_id()}", number, plan, now)
            for number, plan in zip(numbers, plans, strict=True)
        ]
        await store.add(approvals, _because_of(events))

    async def _renew(self, store: ApprovalStore, events: Sequence[Event], now: datetime) -> None:
        """Of several renewals of a plan the last says all but whom to ask again, which each says for itself. Only a
        plan that is under review again reopens what was granted: one that is only reassessed, as a flight under way is,
        stays granted."""
        if not events:
            return
        last = {event.key: event for event in events}
        plans: dict[str, SubmittedPlan] = {}
        for event in events:
            asked_before = plans[event.key].asks if event.key in plans else frozenset[str]()
            plan = submitted_plan(event)
            plans[event.key] = replace(plan, asks=plan.asks | asked_before)
        reopened = {event.key for event in events if event.type == _REOPENED}
        cases = await store.of_plans(list(plans), [ApprovalState.PENDING, ApprovalState.GRANTED])
        wanted = [case for case in cases if case.state is ApprovalState.PENDING or case.plan in reopened]
        await store.renew([case for case in wanted if case.renew(plans[case.plan], now)], _because_of(last))

    async def _end(self, store: ApprovalStore, events: Mapping[str, Event], now: datetime) -> None:
        if not events:
            return
        pending = await store.of_plans(list(events), [ApprovalState.PENDING])
        for approval in pending:
            _ENDINGS[events[approval.plan].type](approval, now)
        await store.save(pending, _because_of(events))


def _first_by_plan(events: Iterable[Event]) -> Mapping[str, Event]:
    first: dict[str, Event] = {}
    for event in events:
        first.setdefault(event.key, event)
    return first


def _because_of(events: Mapping[str, Event]) -> Callable[[Approval], AbstractContextManager[None]]:
    return lambda approval: consumed(GROUP, events[approval.plan])
