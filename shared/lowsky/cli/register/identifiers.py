"""`lowsky identifiers`: the supported schemes of identifiers, and the option --identifier of other commands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from lowsky.cli.deferred import deferred
from lowsky.cli.output import row, table
from lowsky.cli.problems import invalid
from lowsky.cli.session.session import session_of
from lowsky.cli.values import enum_name, enum_value

if TYPE_CHECKING:
    from rich.console import RenderableType

    from lowsky.api.registration.v1 import identifiers_pb2 as pb
else:
    pb = deferred("lowsky.api.registration.v1.identifiers_pb2")


CTA_2063_A = "cta-2063-a"
"""The scheme of a serial number without a given scheme."""

Identifiers = Annotated[
    list[str] | None,
    typer.Option("--identifier", metavar="SCHEME:VALUE", help="May be repeated; `lowsky identifiers` lists schemes."),
]


def schemes(
    context: typer.Context,
    holder: Annotated[
        str | None, typer.Option("--for", help="enterprise, public-body, natural-person or aircraft. Default: all.")
    ] = None,
) -> None:
    """List the schemes of identifiers: for whom, an example, and what is stored. `-o json` adds format and source."""
    wanted = None if holder is None else enum_value(pb.IdentifierScheme.Holder, holder, "--for")
    session = session_of(context)
    request = pb.ListIdentifierSchemesRequest()
    found = session.call(lambda client: client.identifiers.ListIdentifierSchemes, request)
    chosen = [scheme for scheme in found.schemes if wanted is None or wanted in scheme.holders]

    def view() -> Iterator[RenderableType]:
        made = table("scheme", "for", "such as", "kept")
        for one in chosen:
            holders = ", ".join(enum_name(pb.IdentifierScheme.Holder, held) for held in one.holders)
            kept = enum_name(pb.IdentifierScheme.Kept, one.kept) if one.usable else "not usable here"
            row(made, one.id, holders, one.example, kept)
        yield made

    session.output.show(pb.ListIdentifierSchemesResponse(schemes=chosen), view)


def identifiers_of(texts: Sequence[str] | None) -> list[pb.Identifier]:
    """The identifiers of --identifier.

    Raises:
        Problem: One has no scheme. The text is not repeated: it may contain a secret.
    """
    return [_identifier(text) for text in texts or ()]


def _identifier(text: str) -> pb.Identifier:
    scheme, colon, value = text.partition(":")
    if not (scheme and colon and value):
        advice = "as in --identifier cn-uscc:9144030071526726XG; `lowsky identifiers` lists schemes"
        raise invalid("INVALID_IDENTIFIER", "--identifier needs a scheme, a colon and the number", advice)
    return pb.Identifier(scheme=scheme, value=value)


def shown(identifiers: Sequence[pb.Identifier]) -> str:
    """Identifiers as text, one per line."""
    return "\n".join(f"{one.scheme} {one.value}" for one in identifiers)
