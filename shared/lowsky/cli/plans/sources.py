"""Reads many flights from a file of lines or a folder of files, one by one; a bad one does not affect the others."""

from __future__ import annotations

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
from typing import TYPE_CHECKING, Any, Protocol

from lowsky.cli.deferred import deferred
from lowsky.cli.plans.options import for_gaps
from lowsky.cli.plans.requests import FILE_BYTES_MAX, Prepared, Wishes, prepare, prepare_message, read_message
from lowsky.cli.problems import Problem, invalid, of_any
from lowsky.text_files import ADVICE, NotText, ToUtf8, decode

if TYPE_CHECKING:
    from lowsky import canonical as canonicals
    from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
    from lowsky.cli.plans import messages
else:
    canonicals = deferred("lowsky.canonical")
    messages = deferred("lowsky.cli.plans.messages")
    pb = deferred("lowsky.api.flightplans.v1.flight_plans_pb2")


LINE_BYTES_MAX = 1024 * 1024
"""A trajectory of 2 000 waypoints takes some 300 kB; the services take messages of 4 MiB."""

FLIGHTS_MAX = 1_000_000
"""Maximum of one source: some hours of submitting. For more, use several files, each with its own journal."""

KEY_LENGTH_MAX = 200
"""Characters; the limit of the API."""

STDIN = "-"

_CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Place:
    """The position of a flight in its source."""

    number: int
    """From 1: the line, or the position of the file among all files by name."""
    file: str = ""
    """Name of the file, in a folder."""

    def __str__(self) -> str:
        return self.file or f"line {self.number}"

    def document(self) -> dict[str, Any]:
        """The position for an answer."""
        return {"file": self.file} if self.file else {"line": self.number}


@dataclass(frozen=True, slots=True)
class Entry:
    """One flight, of which only the key has been read."""

    place: Place
    key: str
    digest: str
    """Digest of the parsed content, so that the same flight in another notation has the same digest."""
    content: pb.FlightPlan | Path | Problem
    """The problem if the line is not a plan: it is reported when the entry is processed, as for a file."""

    def prepare(self, wishes: Wishes, now: datetime) -> Prepared:
        """The plan.

        Raises:
            Problem: It is not a valid plan.
        """
        if isinstance(self.content, Problem):
            raise self.content
        try:
            content = self.content
            if isinstance(content, Path) and content.suffix.lower() == ".json":
                content = read_message(content)
            if isinstance(content, Path):
                prepared = prepare(content, wishes, now)
            else:
                prepared = prepare_message(content, for_gaps(content, wishes), now)
        except (ValueError, OSError) as error:
            raise of_any(error) or invalid("NO_FLIGHT_PLAN", str(error)[:500]) from None
        if (size := prepared.plan.ByteSize()) > LINE_BYTES_MAX:
            raise invalid("TOO_LARGE", f"the plan has {size} bytes, {LINE_BYTES_MAX} are allowed")
        return prepared


@dataclass(frozen=True, slots=True)
class Unread:
    """A line or a file that is not a flight."""

    place: Place
    problem: Problem


class Source(Protocol):
    """A source of flights, which is read once."""

    name: str
    size: int | None
    """Total size, in bytes or files; None if unknown."""
    done: int
    """How much was read, in the same unit."""

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
        """Chunks in UTF-8, whatever the encoding of the source."""
        to_utf8 = ToUtf8()
        try:
            while chunk := await _read_chunk(self._descriptor):
                utf8 = to_utf8.feed(chunk)
                if to_utf8.recodes:
                    self.size = None  # progress counts UTF-8, whose total length is unknown
                yield utf8
            yield to_utf8.feed(b"", final=True)
        except NotText as error:
            raise invalid("NOT_UTF8", f"{self.name}: {error}") from None


class Folder:
    """Mission files and FlightPlan messages (.json), by name; hidden files and subfolders are ignored."""

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
        content = messages.json_of(line.decode())
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
        plan = messages.parsed(content, pb.FlightPlan, "NO_FLIGHT_PLAN", "the line")
    except Problem as problem:
        return Entry(place, key, hashlib.sha256(line.strip()).hexdigest(), problem)
    return Entry(place, key, hashlib.sha256(canonicals.canonical(plan)).hexdigest(), plan)


def _checked_key(key: object) -> str:
    if not isinstance(key, str) or not 0 < len(key) <= KEY_LENGTH_MAX or "\0" in key:
        raise invalid("INVALID_KEY", f"a key is a text of 1 to {KEY_LENGTH_MAX} characters")
    try:
        key.encode()
    except UnicodeEncodeError:
        raise invalid("INVALID_KEY", "the key is no Unicode text") from None
    return key


def _digest_of(file: Path) -> str:
    """Digest of the parsed content of a file: independent of its encoding and of the order of JSON members."""
    with file.open("rb") as opened:
        data = opened.read(FILE_BYTES_MAX + 1)
    if len(data) > FILE_BYTES_MAX:
        raise invalid("TOO_LARGE", f"{file.name} holds more than {FILE_BYTES_MAX // 2**20} MiB")
    try:
        document = messages.json_of(decode(data))
        if file.suffix.lower() == ".json":
            data = canonicals.canonical(messages.parsed(document, pb.FlightPlan, "UNREADABLE_FILE", file.name))
        else:
            data = json.dumps(document, sort_keys=True).encode()
    except (Problem, ValueError, RecursionError):
        pass  # it is refused when it is read; until then any stable digest will do
    return hashlib.sha256(data).hexdigest()


async def _read_chunk(descriptor: int) -> bytes:
    """The available bytes; empty at the end.

    A thread reads them, since answers arrive meanwhile. The thread is never joined: after Ctrl-C a silent pipe would
    block the command for ever.
    """
    import asyncio  # slow to import, and not needed for --help

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
