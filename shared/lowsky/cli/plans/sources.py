"""Many flights from a file of lines or a folder of files: one after the other, each good or bad by itself."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import sys
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.canonical import canonical
from lowsky.cli.plans.messages import json_of, parsed
from lowsky.cli.plans.requests import FILE_BYTES_MAX, Prepared, Wishes, prepare, prepare_message
from lowsky.cli.problems import Problem, invalid, of_any
from lowsky.text import ADVICE, NotText, ToUtf8, decode

LINE_BYTES_MAX = 1024 * 1024
"""A trajectory of 2 000 waypoints takes some 300 kB; the services take messages of 4 MiB."""

FLIGHTS_MAX = 1_000_000
"""Of one source: some hours of submitting. More are better several files, each with a journal of its own."""

KEY_LENGTH_MAX = 200
"""Characters, as the contract has it."""

STDIN = "-"

_CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Place:
    """Where a flight stands in its source."""

    number: int
    """From 1: the line, or the file's place among the files by name."""
    file: str = ""
    """Of a folder."""

    def __str__(self) -> str:
        return self.file or f"line {self.number}"

    def document(self) -> dict[str, Any]:
        """For an answer."""
        return {"file": self.file} if self.file else {"line": self.number}


@dataclass(frozen=True, slots=True)
class Entry:
    """One flight, not looked at further than its key."""

    place: Place
    key: str
    digest: str
    """Of what it asks for, so that the same flight written otherwise is the same."""
    content: pb.FlightPlan | Path | Problem
    """A problem where the line is no plan: it is told of when its turn comes, like one of a file."""

    def prepare(self, wishes: Wishes, now: datetime) -> Prepared:
        """The plan.

        Raises:
            Problem: It is none.
        """
        if isinstance(self.content, Problem):
            raise self.content
        try:
            if isinstance(self.content, Path):
                prepared = prepare(self.content, wishes, now)
            else:
                prepared = prepare_message(self.content, wishes, now)
        except (ValueError, OSError) as error:
            raise of_any(error) or invalid("NO_FLIGHT_PLAN", str(error)[:500]) from None
        if (size := prepared.plan.ByteSize()) > LINE_BYTES_MAX:
            raise invalid("TOO_LARGE", f"the plan has {size} bytes, {LINE_BYTES_MAX} are allowed")
        return prepared


@dataclass(frozen=True, slots=True)
class Unread:
    """A line or a file that is no flight."""

    place: Place
    problem: Problem


class Source(Protocol):
    """Where flights come from; read once."""

    name: str
    size: int | None
    """Of all of it, in bytes or files; None where that is not known."""
    done: int
    """How much of it was read."""

    def entries(self) -> AsyncIterator[Entry | Unread]:
        """The flights in order."""
        ...


def open_source(text: str) -> Source:
    """NDJSON from a file or from standard input (`-`), or a folder of missions."""
    if text == STDIN:
        return Lines(STDIN, sys.stdin.fileno(), None)
    path = Path(text)
    if path.is_dir():
        return Folder(path)
    descriptor = os.open(path, os.O_RDONLY)
    return Lines(path.name, descriptor, os.fstat(descriptor).st_size or None)


class Lines:
    """NDJSON: in each line a FlightPlan in protobuf JSON, with `key` beside its fields where it has one."""

    def __init__(self, name: str, descriptor: int, size: int | None) -> None:
        self.name = name
        self.size = size
        self.done = 0
        self._descriptor = descriptor

    async def entries(self) -> AsyncIterator[Entry | Unread]:
        async for number, line in self._lines():
            place = Place(number)
            if number > FLIGHTS_MAX:
                raise invalid("TOO_MANY", f"{self.name} has more than {FLIGHTS_MAX} lines", "split it")
            if line is None:
                problem = invalid("LINE_TOO_LONG", f"the line has more than {LINE_BYTES_MAX // 1024} KiB")
                yield Unread(place, problem)
            elif line.strip():
                yield _entry_of(place, line)

    async def _lines(self) -> AsyncIterator[tuple[int, bytes | None]]:
        """Each line with its number; None for one that is too long, which is not held in memory."""
        number = 0
        begun = bytearray()
        too_long = False
        async for chunk in self._chunks():
            *ends, rest = chunk.split(b"\n")
            for end in ends:
                number += 1
                self.done += len(end) + 1
                too_long = too_long or len(begun) + len(end) > LINE_BYTES_MAX
                yield number, None if too_long else bytes(begun + end)
                begun.clear()
                too_long = False
            self.done += len(rest)
            too_long = too_long or len(begun) + len(rest) > LINE_BYTES_MAX
            if too_long:
                begun.clear()
            else:
                begun += rest
        if begun or too_long:
            yield number + 1, None if too_long else bytes(begun)

    async def _chunks(self) -> AsyncIterator[bytes]:
        """In UTF-8, whatever the source is written in."""
        to_utf8 = ToUtf8()
        try:
            while chunk := await _read_chunk(self._descriptor):
                utf8 = to_utf8.feed(chunk)
                if to_utf8.recodes:
                    self.size = None  # it is not known how long it is in UTF-8, which is counted
                yield utf8
            yield to_utf8.feed(b"", final=True)
        except NotText as error:
            raise invalid("NOT_UTF8", f"{self.name}: {error}") from None


class Folder:
    """Mission files and FlightPlan messages (.json), by name; hidden files and folders within are not looked at."""

    def __init__(self, path: Path) -> None:
        self.name = path.resolve().name
        names = (entry.name for entry in os.scandir(path) if entry.is_file() and not entry.name.startswith("."))
        self._files = [path / name for name in sorted(names)]
        if len(self._files) > FLIGHTS_MAX:
            raise invalid("TOO_MANY", f"{path} has more than {FLIGHTS_MAX} files", "split it")
        self.size: int | None = len(self._files)
        self.done = 0

    async def entries(self) -> AsyncIterator[Entry | Unread]:
        for number, file in enumerate(self._files, 1):
            self.done = number
            place = Place(number, os.fsencode(file.name).decode(errors="replace"))
            try:
                yield Entry(place, _checked_key(file.name), _digest_of(file), file)
            except (Problem, OSError) as error:
                yield Unread(place, of_any(error) or invalid("UNREADABLE_FILE", str(error)))


def _entry_of(place: Place, line: bytes) -> Entry | Unread:
    try:
        content = json_of(line.decode())
        if not isinstance(content, dict):
            raise invalid("NO_FLIGHT_PLAN", "the line is no JSON object")
        key = _checked_key(content.pop("key", str(place.number)))
    except Problem as problem:
        return Unread(place, problem)
    except UnicodeDecodeError:
        return Unread(place, invalid("NOT_UTF8", f"the line is not UTF-8 text: {ADVICE}"))
    except (ValueError, RecursionError) as error:
        return Unread(place, invalid("NOT_JSON", f"the line is no JSON: {str(error)[:500]}"))
    try:
        plan = parsed(content, pb.FlightPlan, "NO_FLIGHT_PLAN", "the line")
    except Problem as problem:
        return Entry(place, key, hashlib.sha256(line.strip()).hexdigest(), problem)
    return Entry(place, key, hashlib.sha256(canonical(plan)).hexdigest(), plan)


def _checked_key(key: object) -> str:
    if not isinstance(key, str) or not 0 < len(key) <= KEY_LENGTH_MAX or "\0" in key:
        raise invalid("INVALID_KEY", f"a key is a text of 1 to {KEY_LENGTH_MAX} characters")
    try:
        key.encode()
    except UnicodeEncodeError:
        raise invalid("INVALID_KEY", "the key is no Unicode text") from None
    return key


def _digest_of(file: Path) -> str:
    """Of what a file says: saved anew in another encoding, or with its members in another order, it says the same."""
    with file.open("rb") as opened:
        data = opened.read(FILE_BYTES_MAX + 1)
    if len(data) > FILE_BYTES_MAX:
        raise invalid("TOO_LARGE", f"{file.name} holds more than {FILE_BYTES_MAX // 2**20} MiB")
    try:
        document = json_of(decode(data))
        if file.suffix.lower() == ".json":
            data = canonical(parsed(document, pb.FlightPlan, "UNREADABLE_FILE", file.name))
        else:
            data = json.dumps(document, sort_keys=True).encode()
    except (Problem, ValueError, RecursionError):
        pass  # it will be refused when it is read; as long as it says the same
    return hashlib.sha256(data).hexdigest()


async def _read_chunk(descriptor: int) -> bytes:
    """What there is to read; empty at the end.

    A thread waits for it, since answers come meanwhile. Nobody waits for the thread: after Ctrl-C a pipe that says
    nothing would hold the command up for ever.
    """
    loop = asyncio.get_running_loop()
    read: asyncio.Future[bytes] = loop.create_future()

    def settle(outcome: bytes | OSError) -> None:
        if read.done():
            return
        if isinstance(outcome, OSError):
            read.set_exception(outcome)
        else:
            read.set_result(outcome)

    def work() -> None:
        outcome: bytes | OSError
        try:
            outcome = os.read(descriptor, _CHUNK_BYTES)
        except OSError as error:
            outcome = error
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, outcome)

    threading.Thread(target=work, daemon=True, name="reading flights").start()
    return await read
