"""IdentifiersService."""

from __future__ import annotations

from typing import Any

from lowsky.api.registration.v1 import identifiers_pb2 as pb
from lowsky.api.registration.v1 import identifiers_pb2_grpc
from lowsky.registration.codec.identifiers import scheme_to_message
from lowsky.registration.identifiers.identifier import Schemes


class IdentifiersServicer(identifiers_pb2_grpc.IdentifiersServiceServicer):
    """The identifier schemes of this installation."""

    def __init__(self, schemes: Schemes) -> None:
        self._answer = pb.ListIdentifierSchemesResponse(
            schemes=[scheme_to_message(scheme, schemes) for scheme in schemes.all()]
        )

    async def ListIdentifierSchemes(
        self, request: pb.ListIdentifierSchemesRequest, context: Any
    ) -> pb.ListIdentifierSchemesResponse:
        return self._answer
