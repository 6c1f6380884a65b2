"""WatchFlightPlans: the plans of a parent, after each change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import aclosing
from dataclasses import dataclass
from functools import cached_property

from lowsky.api.events.v1 import events_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.auth.access import Access
from lowsky.clock import Clock
from lowsky.errors import Unavailable
from lowsky.events.event import Event
from lowsky.events.watching.resume import Happened, encode_token
from lowsky.events.watching.watch import Broadcast
from lowsky.flightplans.domain.plan import ANY_OPERATOR
from lowsky.flightplans.views.visible import is_visible
from lowsky.health import Health

TICK_S = 1.0
"""How soon a watch notices that the worker is stopping."""

CHECKPOINT_TICKS = 15
"""Ticks without a change after which a watch sends a checkpoint."""


@dataclass(frozen=True)
class PlanChange:
    """A plan after a change, shared by all its watches: parsed once, when the first of them needs its content."""

    event: Event

    @cached_property
    def operator(self) -> str:
        """Whose plan it is."""
        return self.event.key.partition("/flightPlans/")[0]

    @property
    def has_plan(self) -> bool:
        """Whether the event contains a plan. Raises if the event cannot be read, so that a watch skips it
        (`Subscription.wants`) instead of ending."""
        return self.event.value is not None and bool(self._content)

    @property
    def authorities(self) -> frozenset[str]:
        """The authorities that the plan concerns or touches."""
        return self._content[0]

    def response(self, token: str) -> bytes:
        """A WatchFlightPlansResponse with a resume token, serialised."""
        return self._content[1] + pb.WatchFlightPlansResponse(resume_token=token).SerializeToString()

    @cached_property
    def _content(self) -> tuple[frozenset[str], bytes]:
        # The parsed plan is not kept: in memory it is many times as large as its bytes.
        plan = events_pb2.FlightPlanEvent.FromString(self.event.value or b"").flight_plan
        authorities = frozenset((*plan.deciding_authorities, *plan.notified_authorities, *plan.touched_authorities))
        return authorities, pb.WatchFlightPlansResponse(flight_plan=plan).SerializeToString()


def of_plans(names: Collection[str]) -> Callable[[PlanChange], bool]:
    """A filter for changes of these plans that can be read."""
    return lambda change: change.event.key in names and change.has_plan


async def watch(
    broadcast: Broadcast[PlanChange], health: Health, clock: Clock, request: pb.WatchFlightPlansRequest, access: Access
) -> AsyncIterator[bytes | pb.WatchFlightPlansResponse]:
    """Changes from now on, or from the position of the token.

    Raises:
        OutOfRange: The token was not issued by this service, or is older than the retained events.
        Overloaded: The watcher is too slow, or too many watches of its party are catching up.
        Unavailable: The worker is stopping; another one continues from the last token.
    """
    reach = access.reach

    def wanted(change: PlanChange) -> bool:
        if request.parent not in (ANY_OPERATOR, change.operator):
            return False
        if reach.covers_operator(change.operator):
            return change.has_plan
        return is_visible(reach, change.operator, change.authorities)

    token = request.resume_token
    if token:
        await broadcast.reach(token)
    with broadcast.subscribe(wanted) as subscription:
        if token:
            missed = broadcast.since(token, subscription.started_at, wanted, access.caller.party)
            async with aclosing(missed):
                async for happened in missed:
                    yield _update(happened)
        else:
            yield _checkpoint(clock, encode_token(subscription.started_at))
        quiet = 0
        while not health.stopping:
            item = await subscription.next(TICK_S)
            if item is not None:
                quiet = 0
                yield _update(item)
                continue
            quiet += 1
            if quiet % CHECKPOINT_TICKS == 0:
                yield _checkpoint(clock, encode_token(dict(broadcast.tail.positions)))
    raise Unavailable("SHUTTING_DOWN", "this worker is shutting down; resume with your last token", retry_after_s=0.2)


def _update(happened: Happened[PlanChange]) -> bytes:
    return happened.what.response(happened.token)


def _checkpoint(clock: Clock, token: str) -> pb.WatchFlightPlansResponse:
    response = pb.WatchFlightPlansResponse(checkpoint=pb.Checkpoint(), resume_token=token)
    response.checkpoint.time.FromDatetime(clock.now())
    return response
