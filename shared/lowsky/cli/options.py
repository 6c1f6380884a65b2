"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

Operator = Annotated[
    str | None, typer.Option("--operator", envvar="LOWSKY_OPERATOR", metavar="NAME", help="acme or operators/acme.")
]
Limit = Annotated[
    int, typer.Option("--limit", min=1, max=100_000, help="Maximum number; a warning tells if there are more.")
]
Etag = Annotated[
    str,
    typer.Option(
        "--etag", help="Etag of the version that you saw: refused if it has changed since. Default: not checked."
    ),
]
RequestId = Annotated[
    str,
    typer.Option(
        "--request-id", metavar="UUID", help="A repeated request with the same id is executed once. Default: a new id."
    ),
]
States = Annotated[list[str] | None, typer.Option("--state", help="Only this state; may be repeated.")]
LIMIT_DEFAULT = 100
