"""AuthoritiesService."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from lowsky.airspace.authorities.changes import create, move
from lowsky.airspace.codec.authorities import country_of, profile_of, to_message
from lowsky.airspace.domain.authority import Authority
from lowsky.airspace.postgres.authorities import AuthorityStore
from lowsky.api.airspace.v1 import authorities_pb2 as pb
from lowsky.api.airspace.v1 import authorities_pb2_grpc
from lowsky.clock import Clock
from lowsky.db.database import Connection, Database
from lowsky.events.relay import Relay
from lowsky.rpc.masks import masked
from lowsky.rpc.once import once
from lowsky.rpc.paging import Page
from lowsky.rpc.validation import validate


class AuthoritiesServicer(authorities_pb2_grpc.AuthoritiesServiceServicer):
    """Authorities: kept by the administrator, read by everyone."""

    def __init__(self, database: Database, relay: Relay, clock: Clock) -> None:
        self._database = database
        self._relay = relay
        self._clock = clock

    async def CreateAuthority(self, request: pb.CreateAuthorityRequest, context: Any) -> pb.CreateAuthorityResponse:
        country, profile = country_of(request.authority), profile_of(request.authority)

        async def work(connection: Connection) -> pb.CreateAuthorityResponse:
            name = f"authorities/{request.authority_id}"
            authority = await create(connection, name, country, profile, self._clock.now())
            return pb.CreateAuthorityResponse(authority=to_message(authority))

        return await once(self._database, self._relay, request, pb.CreateAuthorityResponse, work)

    async def GetAuthority(self, request: pb.GetAuthorityRequest, context: Any) -> pb.GetAuthorityResponse:
        async with self._database.connection() as connection:
            authority = await AuthorityStore(connection).get(request.name)
        return pb.GetAuthorityResponse(authority=to_message(authority))

    async def ListAuthorities(self, request: pb.ListAuthoritiesRequest, context: Any) -> pb.ListAuthoritiesResponse:
        page = Page.asked_by(request)
        async with self._database.connection() as connection:
            found = await AuthorityStore(connection).list(page.last_text, page.size + 1)
        shown, token = page.answer(found, to_message, lambda authority: (authority.name,))
        return pb.ListAuthoritiesResponse(authorities=shown, next_page_token=token)

    async def UpdateAuthority(self, request: pb.UpdateAuthorityRequest, context: Any) -> pb.UpdateAuthorityResponse:
        def update(authority: Authority, now: datetime) -> None:
            authority.update(profile_of(_wanted(authority, request)), now)

        async def work(connection: Connection) -> pb.UpdateAuthorityResponse:
            given = request.authority
            authority = await move(connection, given.name, given.etag, update, self._clock.now())
            return pb.UpdateAuthorityResponse(authority=to_message(authority))

        return await once(self._database, self._relay, request, pb.UpdateAuthorityResponse, work)


def _wanted(authority: Authority, request: pb.UpdateAuthorityRequest) -> pb.Authority:
    """The result of the change; refused where it breaks the validation rules of the resource."""
    wanted = masked(to_message(authority), request.authority, request.update_mask)
    validate(wanted, within="authority", output_allowed=True)
    return wanted
