"""Who plays in the demo: each with a token and a client of their own."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass

from lowsky.client import Client, DevelopmentToken, Endpoints
from lowsky.local.stack import Stack

OPERATOR = "operators/sample-parcels"
FLEET = {
    "parcel-lingang.plan": f"{OPERATOR}/aircraft/parcel-1",
    "parcel-jinshan.plan": f"{OPERATOR}/aircraft/parcel-2",
    "parcel-across-the-border.plan": f"{OPERATOR}/aircraft/parcel-3",
}
"""Which aircraft flies which mission: they leave at the same time."""
SHANGHAI = "authorities/cn-shanghai"
JIANGSU = "authorities/cn-jiangsu"


@dataclass(frozen=True)
class Cast:
    """One client for each role."""

    administrator: Client
    shanghai_publisher: Client
    jiangsu_publisher: Client
    applicant: Client
    registrar: Client
    operator: Client
    shanghai_officer: Client
    jiangsu_officer: Client


async def cast_for(stack: Stack, exits: AsyncExitStack) -> Cast:
    """Clients for everybody, closed with the exit stack."""
    endpoints = Endpoints(**{name: address for name, address in stack.endpoints.items() if name != "issuer"})

    async def client(subject: str, role: str, operator: str = "", authority: str = "") -> Client:
        token = DevelopmentToken(
            stack.issuer_url,
            stack.state.issuer_secret,
            subject=subject,
            roles=[role],
            operator=operator,
            authority=authority,
        )
        return await exits.enter_async_context(Client(endpoints, token, tls=False))

    return Cast(
        administrator=await client("ada", "administrator"),
        shanghai_publisher=await client("publisher-shanghai", "publisher", authority=SHANGHAI),
        jiangsu_publisher=await client("publisher-jiangsu", "publisher", authority=JIANGSU),
        applicant=await client("parcel-founder", "applicant"),
        registrar=await client("registrar", "registrar"),
        operator=await client("parcel-dispatcher", "operator", operator=OPERATOR),
        shanghai_officer=await client("officer-wang", "officer", authority=SHANGHAI),
        jiangsu_officer=await client("officer-zhou", "officer", authority=JIANGSU),
    )
