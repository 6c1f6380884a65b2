"""`lowsky token`: a development token of the local stack's issuer."""

from __future__ import annotations

from typing import Annotated

import typer

from lowsky.cli.exits import Exit
from lowsky.cli.problems import Problem
from lowsky.cli.session import acting, local_stack
from lowsky.cli.session.session import session_of


def token(
    context: typer.Context,
    who: Annotated[
        str | None, typer.Argument(metavar="[ROLE[:NAME]]", help="As --as takes it: operator:acme, registrar, …")
    ] = None,
    ttl: Annotated[int, typer.Option("--ttl", min=1, max=86_400, help="Seconds until it expires.")] = 3_600,
) -> None:
    """Print a development token of the local stack."""
    session = session_of(context)
    wanted = who or session.acting_as
    if wanted is None:
        raise Problem("WHO", "whose token?", Exit.USAGE, "as in `lowsky token operator:acme`")
    source = acting.token_source(acting.parse(wanted), local_stack.find(), ttl)
    session.output.warn(f"DEVELOPMENT ONLY: a token of the local issuer for {wanted}")
    import asyncio  # slow to import, and not needed for --help

    text = asyncio.run(source.token())
    if session.output.json:
        session.output.document({"token": text})
    else:
        typer.echo(text)
