"""`lowsky events dead-letters`: events that could not be applied, to inspect and replay or skip.

lowsky.events.dead_letters.record_format describes their format on the brokers.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from lowsky.cli.events.log import (
    RECORD_BYTES_MAX,
    REQUEST_TIMEOUT_MS,
    Bootstrap,
    EventLog,
    Prefix,
    all_topics,
    document_of,
    texts_of,
    topic_of,
)
from lowsky.cli.exits import Exit
from lowsky.cli.extras import on_local_stack
from lowsky.cli.output import clean, facts, row, table
from lowsky.cli.problems import Problem, invalid
from lowsky.cli.session.session import session_of
from lowsky.events import topics
from lowsky.events.dead_letters import record_format

app = typer.Typer(
    help="Events that could not be applied: list them, show one, then either replay it, once the cause is fixed, "
    "or skip it. They are kept for 30 days.",
    no_args_is_help=True,
)

NOTE_CHARS_MAX = 500

Origin = Annotated[str, typer.Argument(help="Origin of the event, as `list` shows it: lowsky.flight-plans.v1/0/17.")]
Group = Annotated[str | None, typer.Option("--group", help="Only of this consumer group.")]


@dataclass(slots=True)
class Letter:
    """A dead letter and its state."""

    log: EventLog
    topic: str
    """The event topic, without the installation's prefix."""
    group: str
    origin: str
    """``<topic>/<partition>/<offset>`` of the event, without the prefix."""
    record: Any
    state: str = record_format.OPEN
    note: str = ""

    @property
    def dead_letters(self) -> str:
        """The topic of the letter on the brokers."""
        return self.log.prefix + record_format.dead_letters_of(self.topic, self.group)

    @property
    def retry(self) -> str:
        """The topic on the brokers by which the group receives it again."""
        return self.log.prefix + record_format.retry_of(self.topic, self.group)

    def document(self) -> dict[str, Any]:
        """For `--output json`."""
        headers = texts_of(self.record)
        event = document_of(self.record, self.log.prefix)
        for name in ("topic", "partition", "offset"):
            del event[name]
        known = {
            "origin": self.origin,
            "topic": self.topic,
            "group": self.group,
            "state": self.state,
            "note": self.note,
            "diedAt": datetime.fromtimestamp(self.record.timestamp / 1_000, UTC).isoformat(timespec="seconds"),
            "reason": headers.get(record_format.REASON, ""),
            "leftOut": headers.get(record_format.LEFT_OUT, ""),
            "replayOf": headers.get(record_format.REPLAY_OF, "").removeprefix(self.log.prefix),
        }
        return {**{name: value for name, value in known.items() if value}, "event": event}


@app.command("list")
def list_(
    context: typer.Context,
    topic: Annotated[str | None, typer.Option("--topic", help="As in flight-plans. Default: all.")] = None,
    group: Group = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that were skipped or replayed.")] = False,
    bootstrap: Bootstrap = None,
    prefix: Prefix = None,
) -> None:
    """List the open dead letters, oldest first."""
    output = session_of(context).output
    log = EventLog.of(bootstrap, prefix)
    found = log.run(_read(log, topic_of(topic) if topic else None, group))
    shown = [letter for letter in found if everything or letter.state == record_format.OPEN]
    if output.json:
        output.document({"deadLetters": [letter.document() for letter in shown]}, indent=2)
        return
    made = table("died at", "origin", "group", "type", "subject", "reason", "state", whole=("origin",))
    for letter in shown:
        document = letter.document()
        event, reason = document["event"], document.get("reason", "")
        cells = (document["diedAt"], letter.origin, letter.group, event["type"], event["subject"] or event["key"])
        row(made, *cells, reason[:200], letter.state)
    if shown:
        output.out.print(made)
    else:
        output.say("no dead letters" if everything else "no open dead letters")


@app.command()
def show(
    context: typer.Context, origin: Origin, group: Group = None, bootstrap: Bootstrap = None, prefix: Prefix = None
) -> None:
    """Show one dead letter, decoded."""
    output = session_of(context).output
    log = EventLog.of(bootstrap, prefix)
    document = log.run(_find(log, origin, group)).document()
    if output.json:
        output.document(document, indent=2)
        return
    event = document.pop("event")
    output.out.print(facts(**document))
    output.out.print(facts(**{name: str(value) for name, value in event.items() if name != "data" and value}))
    if event["data"] is not None:
        output.document(event["data"], indent=2)


@app.command()
def skip(
    context: typer.Context,
    origin: Origin,
    note: Annotated[str, typer.Option("--note", help="Why it need not be applied.")],
    group: Group = None,
    bootstrap: Bootstrap = None,
    prefix: Prefix = None,
) -> None:
    """Mark one as skipped: it is kept unchanged, but no longer listed as open."""
    output = session_of(context).output
    output.changed = True
    if not note.strip() or len(note) > NOTE_CHARS_MAX:
        raise invalid(
            "INVALID_NOTE", f"--note has 1 to {NOTE_CHARS_MAX} characters", "state why it need not be applied"
        )
    log = EventLog.of(bootstrap, prefix)

    async def work() -> Letter:
        letter = await _find(log, origin, group)
        await _send(letter, replayed=None, state=record_format.SKIPPED, note=note)
        return letter

    _say(context, log.run(work()))


@app.command()
def replay(
    context: typer.Context, origin: Origin, group: Group = None, bootstrap: Bootstrap = None, prefix: Prefix = None
) -> None:
    """Send one to its group again. However often that is done, the event takes effect once; if it fails again, it
    becomes a new dead letter."""
    session_of(context).output.changed = True
    log = EventLog.of(bootstrap, prefix)

    async def work() -> Letter:
        letter = await _find(log, origin, group)
        whole = await _whole(letter) if record_format.LEFT_OUT in texts_of(letter.record) else letter.record
        await _send(letter, replayed=whole, state=record_format.REPLAYED, note="")
        return letter

    _say(context, log.run(work()))


def _say(context: typer.Context, letter: Letter) -> None:
    output = session_of(context).output
    if output.json:
        output.document(letter.document(), indent=2)
    else:
        output.out.print(f"{clean(letter.origin)} of {clean(letter.group)}: {letter.state}", soft_wrap=True)


async def _read(log: EventLog, topic: str | None, group: str | None) -> list[Letter]:
    """All retained dead letters with their current state, in the order in which they failed."""
    async with log.reader() as consumer:
        names = sorted((await all_topics(consumer)).topics())
    places = [place for name in names if (place := _place(log, name)) is not None]
    wanted = [place for place in places if topic in (None, place[0]) and group in (None, place[1])]
    if not wanted:
        text = "no topic of dead letters" + (f" of {topic or 'any topic'} and {group or 'any group'}" * (places != []))
        advice = on_local_stack("of a local stack, `lowsky up` makes the topics", "check --topic-prefix")
        raise Problem("NOT_FOUND", f"there is {text}", Exit.NOT_FOUND, advice)
    found: dict[tuple[str, str, str], Letter] = {}
    markers: list[tuple[tuple[str, str, str], dict[str, str]]] = []
    by_name = {log.prefix + record_format.dead_letters_of(*place): place for place in wanted}
    async with aclosing(log.records(list(by_name), from_beginning=True, follow=False)) as records:
        async for record in records:
            headers = texts_of(record)
            place = by_name[record.topic]
            origin = headers.get(record_format.ORIGIN, "").removeprefix(log.prefix)
            if record_format.STATE in headers:
                markers.append(((*place, origin), headers))
            elif origin:
                found.setdefault((*place, origin), Letter(log, *place, origin, record))
    for key, headers in markers:
        if key in found:
            found[key].state, found[key].note = headers[record_format.STATE], headers.get(record_format.NOTE, "")
    return sorted(found.values(), key=lambda letter: letter.record.timestamp)


def _place(log: EventLog, name: str) -> tuple[str, str] | None:
    """Topic and group of a topic of dead letters of this installation."""
    if not name.startswith(log.prefix) or not name.endswith(".dlq"):
        return None
    topic, _, group = name.removeprefix(log.prefix).removesuffix(".dlq").rpartition(".")
    return (topic, group) if topic in topics.ALL else None


async def _find(log: EventLog, origin: str, group: str | None) -> Letter:
    origin = origin.removeprefix(log.prefix)
    found = [letter for letter in await _read(log, None, group) if letter.origin == origin]
    if not found:
        advice = "`lowsky events dead-letters list --all` names them; they are kept for 30 days"
        raise Problem("NOT_FOUND", f"there is no dead letter of {origin}", Exit.NOT_FOUND, advice)
    if len(found) > 1:
        groups = ", ".join(letter.group for letter in found)
        raise invalid("AMBIGUOUS", f"{origin} is a dead letter of several groups: {groups}", "say which by --group")
    return found[0]


async def _whole(letter: Letter) -> Any:
    """The original record of a dead letter that holds only part of it, read from its topic."""
    from aiokafka import TopicPartition

    topic, partition, offset = letter.origin.rsplit("/", 2)
    place, position = TopicPartition(letter.log.prefix + topic, int(partition)), int(offset)
    gone = Problem(
        "ORIGIN_GONE",
        f"the dead letter is incomplete, and {letter.origin} is no longer kept",
        Exit.CONFLICT,
        "skip it, and apply its effect in another way",
    )
    async with letter.log.reader() as consumer:
        if place.partition not in ((await all_topics(consumer)).partitions_for_topic(place.topic) or ()):
            raise gone
        consumer.assign([place])
        if (
            not (await consumer.beginning_offsets([place]))[place]
            <= position
            < (await consumer.end_offsets([place]))[place]
        ):
            raise gone
        consumer.seek(place, position)
        try:
            records: Sequence[Any] = (await consumer.getmany(place, timeout_ms=REQUEST_TIMEOUT_MS, max_records=1)).get(
                place, []
            )
        except ValueError as error:
            raise Problem(
                "UNREADABLE_EVENT", f"{letter.origin} cannot be decoded: {error}", Exit.CONFLICT, "skip it"
            ) from error
    if not records or records[0].offset != position:
        raise gone
    return records[0]


async def _send(letter: Letter, *, replayed: Any | None, state: str, note: str) -> None:
    """Sends the event to its group, if it is replayed, and then the marker: if interrupted between the two, the replay
    can be repeated, and the group's inbox recognises the event."""
    from aiokafka import AIOKafkaProducer

    origin = (letter.log.prefix + letter.origin).encode()
    producer: Any = AIOKafkaProducer(
        bootstrap_servers=letter.log.bootstrap,
        enable_idempotence=True,
        max_request_size=RECORD_BYTES_MAX + record_format.ALLOWANCE_BYTES,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
    )
    try:
        await producer.start()
        if replayed is not None:
            headers = [(name, value) for name, value in replayed.headers if not name.startswith("lowsky_")]
            headers.append((record_format.REPLAY_OF, origin))
            await producer.send_and_wait(letter.retry, replayed.value, key=replayed.key, headers=headers)
        marker = [
            (record_format.ORIGIN, origin),
            (record_format.STATE, state.encode()),
            (record_format.NOTE, note.encode()),
        ]
        await producer.send_and_wait(letter.dead_letters, b"", key=origin, headers=marker)
    finally:
        await producer.stop()
    letter.state, letter.note = state, note
