"""AircraftService."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from google.protobuf.message import Message

from lowsky.api.registration.v1 import aircraft_pb2 as pb
from lowsky.api.registration.v1 import aircraft_pb2_grpc
from lowsky.clock import Clock
from lowsky.db.database import Connection, Database
from lowsky.events.relay import Relay
from lowsky.registration.aircraft.moves import Move, move
from lowsky.registration.aircraft.registering import Registration, register
from lowsky.registration.codec.aircraft import profile_of, to_message
from lowsky.registration.codec.identifiers import given_in, replace_identifiers
from lowsky.registration.domain.aircraft import Aircraft
from lowsky.registration.domain.identifier_rules import of_aircraft
from lowsky.registration.identifiers.identifier import Schemes
from lowsky.registration.postgres import AircraftStore
from lowsky.rpc.masks import masked
from lowsky.rpc.once import Mutation, once
from lowsky.rpc.paging import Page
from lowsky.rpc.validation import validate

_Response = TypeVar("_Response", bound=Message)

ALL_OPERATORS = "operators/-"


class AircraftServicer(aircraft_pb2_grpc.AircraftServiceServicer):
    """Aircraft: registered, changed and retired by the operator that flies them."""

    def __init__(self, database: Database, relay: Relay, clock: Clock, schemes: Schemes) -> None:
        self._database = database
        self._relay = relay
        self._clock = clock
        self._schemes = schemes

    async def RegisterAircraft(self, request: pb.RegisterAircraftRequest, context: Any) -> pb.RegisterAircraftResponse:
        registration = Registration(
            operator=request.parent,
            id=request.aircraft_id,
            profile=profile_of(request.aircraft),
            identifiers=of_aircraft(given_in(request.aircraft), self._schemes),
        )

        async def work(connection: Connection) -> pb.RegisterAircraftResponse:
            aircraft = await register(connection, registration, self._clock.now())
            return pb.RegisterAircraftResponse(aircraft=to_message(aircraft))

        return await once(self._database, self._relay, request, pb.RegisterAircraftResponse, work)

    async def GetAircraft(self, request: pb.GetAircraftRequest, context: Any) -> pb.GetAircraftResponse:
        async with self._database.connection() as connection:
            aircraft = await AircraftStore(connection).get(request.name)
        return pb.GetAircraftResponse(aircraft=to_message(aircraft))

    async def ListAircraft(self, request: pb.ListAircraftRequest, context: Any) -> pb.ListAircraftResponse:
        page = Page.asked_by(request)
        operator = None if request.parent == ALL_OPERATORS else request.parent
        async with self._database.connection() as connection:
            found = await AircraftStore(connection).page(operator, page.last_text, page.size + 1)
        shown, token = page.answer(found, to_message, lambda aircraft: (aircraft.name,))
        return pb.ListAircraftResponse(aircraft=shown, next_page_token=token)

    async def UpdateAircraft(self, request: pb.UpdateAircraftRequest, context: Any) -> pb.UpdateAircraftResponse:
        def update(aircraft: Aircraft, now: datetime) -> None:
            wanted = masked(to_message(aircraft), request.aircraft, request.update_mask)
            validate(wanted, within="aircraft", output_allowed=True)
            identifiers = of_aircraft(given_in(wanted), self._schemes, before=aircraft.identifiers)
            profile = profile_of(wanted)
            if "eu_class" not in request.update_mask.paths:
                # A class that a later version added has no number in a message of this version.
                profile = replace(profile, eu_class=aircraft.profile.eu_class)
            aircraft.update(profile, identifiers, now)

        public = request
        if "identifiers" not in request.update_mask.paths:
            # Not in the mask, and so never checked: the digest of the request must not contain them either.
            public = pb.UpdateAircraftRequest()
            public.CopyFrom(request)
            replace_identifiers(public.aircraft)
        return await self._move(public, request.aircraft.name, request.aircraft.etag, pb.UpdateAircraftResponse, update)

    async def RetireAircraft(self, request: pb.RetireAircraftRequest, context: Any) -> pb.RetireAircraftResponse:
        return await self._move(
            request, request.name, request.etag, pb.RetireAircraftResponse, lambda aircraft, now: aircraft.retire(now)
        )

    async def _move(
        self, request: Mutation, name: str, etag: str, response_type: type[_Response], make: Move
    ) -> _Response:
        async def work(connection: Connection) -> _Response:
            aircraft = await move(connection, name, etag, make, self._clock.now())
            return response_type(aircraft=to_message(aircraft))

        return await once(self._database, self._relay, request, response_type, work)
