"""Restrictions: drawn and lifted by officers, and removed when their time is over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from google.protobuf.message import Message

from lowsky.airspace.codec.restrictions import window_of, zone_of
from lowsky.airspace.domain.restriction import authority_of, require_room
from lowsky.airspace.postgres.authorities import AuthorityStore
from lowsky.airspace.postgres.datasets import IMPORT_S, DatasetStore
from lowsky.airspace.postgres.restrictions import Drawn, RestrictionStore, any_over
from lowsky.airspace.postgres.zones import ZoneStore
from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.auth.access import current_access
from lowsky.clock import Clock
from lowsky.db.database import Connection, Database
from lowsky.db.requests import earlier_answer, keep_answers
from lowsky.errors import NotFound
from lowsky.events.relay import Relay
from lowsky.ids import new_id
from lowsky.process.background import repeatedly
from lowsky.rpc.once import Mutation, request_of

log = structlog.get_logger()

EXPIRE_EVERY_S = 1.0
"""How often restrictions are looked for whose time is over. None restricts a moment longer: its zone ends by itself."""

BATCH = 200
"""Restrictions that end in one transaction: short enough that nobody waits long for the airspace."""

_Response = TypeVar("_Response", bound=Message)


class Restrictions:
    """Restrictions drawn and lifted through this worker."""

    def __init__(self, database: Database, relay: Relay, clock: Clock) -> None:
        self._database = database
        self._relay = relay
        self._clock = clock

    async def create(self, request: pb.CreateRestrictionRequest) -> pb.CreateRestrictionResponse:
        """Brings a restriction into force.

        Raises:
            NotFound: The authority is not the caller's.
            Invalid: Its time, altitude or outline is faulty.
            Precondition: The authority has no area or the outline reaches out of it, it has too many restrictions, or
                another one is not registered.
        """
        access = current_access()
        if request.authority != access.reach.authority:
            raise NotFound(request.authority)

        async def work(connection: Connection, revision: int) -> pb.CreateRestrictionResponse:
            now, store = self._clock.now(), RestrictionStore(connection, revision)
            window = window_of(request, now)
            authority = await AuthorityStore(connection).get(request.authority)
            registered = await AuthorityStore(connection).display_names()
            zone = zone_of(request, new_id(), window, authority, registered)
            require_room(authority.name, await store.in_force(authority.name))
            drawn = Drawn(authority.name, zone, window, access.caller.subject)
            await store.add(drawn, f"Restrictions of {authority.profile.display_name}"[:200], now)
            stored, _ = await ZoneStore(connection).get(zone.name)
            return pb.CreateRestrictionResponse(geozone=pb.Geozone.FromString(stored.message))

        return await self._once(request, pb.CreateRestrictionResponse, work)

    async def lift(self, request: pb.LiftRestrictionRequest) -> pb.LiftRestrictionResponse:
        """Ends a restriction ahead of its time.

        Raises:
            NotFound: It is another authority's, is over, or was lifted; or the zone is no restriction.
        """
        access = current_access()
        authority = authority_of(request.name)
        if authority != access.reach.authority:
            raise NotFound(request.name)

        async def work(connection: Connection, revision: int) -> pb.LiftRestrictionResponse:
            store = RestrictionStore(connection, revision)
            zone = await store.lift(request.name, authority, access.caller.subject, self._clock.now())
            return pb.LiftRestrictionResponse(geozone=pb.Geozone.FromString(zone))

        return await self._once(request, pb.LiftRestrictionResponse, work)

    async def keep_expiring(self) -> None:
        """Removes restrictions whose time is over, until cancelled. Every worker may: what one that died left behind is
        found by the next look."""

        async def expire() -> bool:
            return await self.sweep() == BATCH

        await repeatedly(expire, every_s=EXPIRE_EVERY_S, what="restrictions are not removed")

    async def sweep(self) -> int:
        """Removes one batch; gives how many there were."""
        async with self._database.connection() as connection:
            if not await any_over(connection, self._clock.now()):
                return 0
        async with self._database.transaction(statement_s=IMPORT_S) as connection:
            revision = await DatasetStore(connection).lock_airspace()
            ended = await RestrictionStore(connection, revision).expire(self._clock.now(), BATCH)
        if ended:
            self._relay.wake()
            log.info("restrictions are over", count=len(ended))
        return len(ended)

    async def _once(
        self,
        message: Mutation,
        response_type: type[_Response],
        work: Callable[[Connection, int], Awaitable[_Response]],
    ) -> _Response:
        """As lowsky.rpc.once, under the lock of the airspace: which comes first, because an import takes it first too
        and a second call with this id waits as long as the airspace is locked."""
        request = request_of(message)
        async with self._database.transaction(statement_s=IMPORT_S) as connection:
            revision = await DatasetStore(connection).lock_airspace()
            kept = await earlier_answer(connection, request)
            if kept is not None:
                return response_type.FromString(kept)
            response = await work(connection, revision)
            await keep_answers(connection, [(request, response.SerializeToString())])
        self._relay.wake()
        return response
