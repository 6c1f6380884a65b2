"""`lowsky events`: events, read from Kafka."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lowsky.cli.events import dead_letters
from lowsky.cli.events.log import Bootstrap, EventLog, Prefix, document_of, texts_of, topic_of
from lowsky.cli.output import Output, clean
from lowsky.cli.session.session import session_of
from lowsky.events import topics

if TYPE_CHECKING:
    from rich.text import Text


app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(dead_letters.app, name="dead-letters")


@app.command()
def tail(
    context: typer.Context,
    topic: Annotated[
        list[str] | None, typer.Option("--topic", help="As in flight-plans or lowsky.flight-plans.v1. Default: all.")
    ] = None,
    kind: Annotated[
        list[str] | None, typer.Option("--type", help="Only these types, as in 'lowsky.flightplan.*'; repeatable.")
    ] = None,
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="All retained events, not only new ones.")
    ] = False,
    follow: Annotated[
        bool,
        typer.Option("--follow/--no-follow", help="Wait for new events, or stop at the current end of the topics."),
    ] = True,
    count: Annotated[int | None, typer.Option("--count", min=1, help="Stop after this many events.")] = None,
    bootstrap: Bootstrap = None,
    prefix: Prefix = None,
) -> None:
    """Print events as they happen, decoded; one line of JSON each with --output json."""
    session = session_of(context)
    log = EventLog.of(bootstrap, prefix)
    followed = [log.prefix + topic_of(name) for name in topic or topics.ALL]
    log.run(_print(session.output, log, followed, kind or (), from_beginning, follow, count))


async def _print(
    output: Output,
    log: EventLog,
    topics: Sequence[str],
    kinds: Sequence[str],
    from_beginning: bool,
    follow: bool,
    count: int | None,
) -> None:
    seen = 0
    async with aclosing(log.records(topics, from_beginning=from_beginning, follow=follow)) as records:
        async for record in records:
            if kinds and not any(fnmatchcase(texts_of(record).get("ce_type", ""), kind) for kind in kinds):
                continue
            document = document_of(record, log.prefix)
            output.line(document, partial(_line, document))
            seen += 1
            if seen == count:
                return


def _line(document: dict[str, Any]) -> Text:
    from rich.text import Text

    data = document["data"] or {}
    resource: dict[str, Any] = next((value for value in data.values() if isinstance(value, dict)), {})
    state = resource.get("state", "") or document.get("problem", "")
    what = document["type"] or f"{document['topic']}/{document['partition']}/{document['offset']}"
    return Text(clean(f"{document['time']} {what} {document['subject'] or document['key']} {state}".strip()))
