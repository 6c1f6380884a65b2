"""Applies the events of flight plans to their cases."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from lowsky.approvals.cases.following_plans import Ending, end_cases, open_cases, renew_cases
from lowsky.approvals.codec.plans import submitted_plan
from lowsky.approvals.domain.approval import Approval
from lowsky.approvals.domain.plan import SubmittedPlan
from lowsky.clock import Clock
from lowsky.db.database import Connection
from lowsky.events.consumer import Batched, Handler, consumed
from lowsky.events.event import Event

GROUP = "approvals"

_SUBMITTED = "lowsky.flightplan.submitted.v1"
_REOPENED = "lowsky.flightplan.reopened.v1"
_REASSESSED = "lowsky.flightplan.reassessed.v1"
_ENDINGS: Mapping[str, Ending] = {
    "lowsky.flightplan.withdrawn.v1": Approval.close,
    "lowsky.flightplan.rejected.v1": Approval.close,
    "lowsky.flightplan.rescinded.v1": Approval.close,
    "lowsky.flightplan.expired.v1": Approval.expire,
}
"""The events that end a plan before its flight, and the transition of a case that is still pending then."""


class FlightPlans:
    """Consumes the events of plans, a batch at a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    @property
    def handlers(self) -> Mapping[str, Handler | Batched]:
        """By event type."""
        return dict.fromkeys([_SUBMITTED, _REOPENED, _REASSESSED, *_ENDINGS], Batched(self.apply))

    async def apply(self, connection: Connection, events: Sequence[Event]) -> None:
        """Opens cases, then renews, then ends them: the events of each plan come in that order.

        Raises:
            MalformedRecord: One event is malformed; nothing of the batch is applied.
        """
        submitted = _first_by_plan(e for e in events if e.type == _SUBMITTED)
        changed = [e for e in events if e.type in {_REOPENED, _REASSESSED}]
        last_change = {e.key: e for e in changed}
        ended = _first_by_plan(e for e in events if e.type in _ENDINGS)
        now = self._clock.now()
        await open_cases(connection, [submitted_plan(e) for e in submitted.values()], _because_of(submitted), now)
        await renew_cases(
            connection,
            _renewed(changed),
            {e.key for e in events if e.type == _REOPENED},
            _because_of(last_change),
            now,
        )
        await end_cases(connection, {name: _ENDINGS[e.type] for name, e in ended.items()}, _because_of(ended), now)


def _renewed(events: Iterable[Event]) -> Mapping[str, SubmittedPlan]:
    """The last change of each plan, with the authorities that any of its changes asks to decide again."""
    plans: dict[str, SubmittedPlan] = {}
    for event in events:
        asked_before = plans[event.key].asks if event.key in plans else frozenset[str]()
        plan = submitted_plan(event)
        plans[event.key] = replace(plan, asks=plan.asks | asked_before)
    return plans


def _first_by_plan(events: Iterable[Event]) -> Mapping[str, Event]:
    first: dict[str, Event] = {}
    for event in events:
        first.setdefault(event.key, event)
    return first


def _because_of(events: Mapping[str, Event]) -> Callable[[Approval], AbstractContextManager[None]]:
    return lambda approval: consumed(GROUP, events[approval.plan])
