"""WatchFlightPlans: the plans beneath a parent, after each change."""

from __future__ import annotations

from collections.abc import AsyncIterator

from lowsky.api.events.v1 import events_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.auth.rules import Reach
from lowsky.clock import Clock
from lowsky.errors import Unavailable
from lowsky.events.event import Event
from lowsky.events.tail import Positions
from lowsky.events.watch import Broadcast, encode_token
from lowsky.flightplans.visible import ANY_OPERATOR, is_visible
from lowsky.rpc.health import Health

TICK_S = 1.0
"""How soon a watch notices that the worker is stopping."""

CHECKPOINT_TICKS = 15
"""A quiet watch says so often that it is alive, and how far it is."""


async def watch(
    broadcast: Broadcast, health: Health, clock: Clock, request: pb.WatchFlightPlansRequest, reach: Reach
) -> AsyncIterator[pb.WatchFlightPlansResponse]:
    """From now on, or from where the token left off.

    Raises:
        OutOfRange: The token is not one of ours, or lies before what is kept.
        Overloaded: The watcher is too slow.
        Unavailable: The worker stops; another one goes on from the last token.
    """

    def wanted(event: Event) -> bool:
        operator = event.key.partition("/flightPlans/")[0]
        if request.parent not in (ANY_OPERATOR, operator):
            return False
        if reach.covers_operator(operator):
            return True
        plan = _plan(event)
        return is_visible(reach, operator, {*plan.deciding_authorities, *plan.notified_authorities})

    token = request.resume_token
    if token:
        await broadcast.reach(token)
    with broadcast.subscribe(wanted) as subscription:
        if token:
            async for event, positions in broadcast.since(token, subscription.started_at, wanted):
                yield _update(event, positions)
        else:
            token = encode_token(subscription.started_at)
            yield _checkpoint(clock, token)
        quiet = 0
        while not health.stopping:
            item = await subscription.next(TICK_S)
            if item is not None:
                quiet = 0
                update = _update(*item)
                token = update.resume_token
                yield update
                continue
            quiet += 1
            if quiet % CHECKPOINT_TICKS == 0:
                token = encode_token(dict(broadcast.tail.positions))
                yield _checkpoint(clock, token)
    raise Unavailable("SHUTTING_DOWN", "this worker is shutting down; resume with your last token", retry_after_s=0.2)


def _plan(event: Event) -> pb.FlightPlan:
    return events_pb2.FlightPlanEvent.FromString(event.value or b"").flight_plan


def _update(event: Event, positions: Positions) -> pb.WatchFlightPlansResponse:
    return pb.WatchFlightPlansResponse(flight_plan=_plan(event), resume_token=encode_token(positions))


def _checkpoint(clock: Clock, token: str) -> pb.WatchFlightPlansResponse:
    response = pb.WatchFlightPlansResponse(checkpoint=pb.Checkpoint(), resume_token=token)
    response.checkpoint.time.FromDatetime(clock.now())
    return response
