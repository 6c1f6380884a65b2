"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

Operator = Annotated[
    str | None, typer.Option("--operator", envvar="LOWSKY_OPERATOR", metavar="NAME", help="acme or operators/acme.")
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="At most so many; more are announced.")]
Etag = Annotated[
    str,
    typer.Option("--etag", help="Of the version that was seen: refused if it has changed since. Default: not asked."),
]
RequestId = Annotated[
    str,
    typer.Option(
        "--request-id", metavar="UUID", help="The same id with the same request is done once. Default: a new one."
    ),
]
States = Annotated[list[str] | None, typer.Option("--state", help="Only this state; may be repeated.")]
LIMIT_DEFAULT = 100
