"""CreateRestriction and LiftRestriction."""

from __future__ import annotations

from lowsky.airspace.codec.restrictions import drawing_of
from lowsky.airspace.domain.restriction import authority_of
from lowsky.airspace.restrictions.changes import draw_restriction, lift_restriction
from lowsky.airspace.rpc.locked import once_locked
from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.auth.access import current_access
from lowsky.clock import Clock
from lowsky.db.database import Connection, Database
from lowsky.errors import NotFound
from lowsky.events.relay import Relay
from lowsky.rpc.once import request_of


class Restrictions:
    """Restrictions drawn and lifted through this worker, each for the caller's own authority."""

    def __init__(self, database: Database, relay: Relay, clock: Clock) -> None:
        self._database = database
        self._relay = relay
        self._clock = clock

    async def create(self, request: pb.CreateRestrictionRequest) -> pb.CreateRestrictionResponse:
        access = current_access()
        if request.authority != access.reach.authority:
            raise NotFound(request.authority)
        drawing = drawing_of(request)

        async def work(connection: Connection, revision: int) -> pb.CreateRestrictionResponse:
            zone = await draw_restriction(connection, revision, drawing, access.caller.subject, self._clock.now())
            return pb.CreateRestrictionResponse(geozone=pb.Geozone.FromString(zone))

        asked = request_of(request)
        return await once_locked(self._database, self._relay, asked, pb.CreateRestrictionResponse, work)

    async def lift(self, request: pb.LiftRestrictionRequest) -> pb.LiftRestrictionResponse:
        access = current_access()
        if authority_of(request.name) != access.reach.authority:
            raise NotFound(request.name)

        async def work(connection: Connection, revision: int) -> pb.LiftRestrictionResponse:
            zone = await lift_restriction(connection, revision, request.name, access.caller.subject, self._clock.now())
            return pb.LiftRestrictionResponse(geozone=pb.Geozone.FromString(zone))

        return await once_locked(self._database, self._relay, request_of(request), pb.LiftRestrictionResponse, work)
