"""What was sent and answered of many plans, on disk, so that a run that broke off goes on without asking twice.

    {"journal": "lowsky.submissions.v1", "batch": "…", "begun": "…", "source": "flights.ndjson", "asked": {…}}
    {"sent": "17", "digest": "…"}
    {"answered": "17", "plan": "operators/acme/flightPlans/…", "state": "STATE_SUBMITTED"}
    {"refused": "18", "reason": "START_IN_PAST"}

The batch is drawn once, and on disk before anything is sent; every request id follows from it and the plan's key. So
a record that a crash takes away costs nothing: its plan is sent again with the id that it had, and gets the answer that
it had. Two runs at once are harmless for the same reason.
"""

from __future__ import annotations

import codecs
import json
import os
import sqlite3
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, Self

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.client.errors import (
    Aborted,
    DeadlineExceeded,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    LowskyApiError,
    ResourceExhausted,
    Unavailable,
)
from lowsky.client.submission.submitting import error_of
from lowsky.open_enums import name_of
from lowsky.text import ADVICE

FORMAT = "lowsky.submissions.v1"

RESUMED_WITHIN = timedelta(days=6)
"""The services keep answers by request id for seven days; a day is left for clocks and for the run itself."""

LINE_BYTES_MAX = 64 * 1024
"""Of the journal: a key has 200 characters at most, what was asked is a handful of options."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What a journal is of: it is refused for anything else."""

    source: str
    """The file's or folder's name."""
    asked: Mapping[str, Any]
    """What was asked of all plans beside their files, as JSON has it."""


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a plan in an earlier run."""

    plan: str
    state: str


class Journal:
    """The journal of a batch, begun or gone on with; without a path it is kept for this run only.

    Whoever goes on must be the caller who began: the services know a request id for one caller alone.

    Raises:
        InvalidArgument: JOURNAL_UNREADABLE, or JOURNAL_OF_ANOTHER (source, or options).
        FailedPrecondition: JOURNAL_TOO_OLD to send again what was not answered.
    """

    def __init__(self, path: Path | None, batch: Batch, now: datetime) -> None:
        self.path = path
        self.resumed = False
        self.begun = now.replace(microsecond=0)
        self._batch_id = uuid.uuid4()
        self._file: IO[bytes] | None = None
        # A private file that SQLite removes: a million keys need no memory.
        self._keys = sqlite3.connect("", isolation_level=None)
        self._keys.execute("PRAGMA journal_mode = OFF")
        self._keys.execute(
            """CREATE TABLE keys (key TEXT PRIMARY KEY, digest TEXT NOT NULL DEFAULT '', plan TEXT NOT NULL DEFAULT '',
               state TEXT NOT NULL DEFAULT '', place INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID"""
        )
        self._keys.execute("BEGIN")
        try:
            if path is not None:
                self._open(path, batch)
        except BaseException:
            self.close()
            raise

    def request_id(self, key: str) -> str:
        """The one that a plan is sent with, in this run and in every other of the batch."""
        return str(uuid.uuid5(self._batch_id, key))

    def look(self, key: str, digest: str, place: int) -> Done | None:
        """What became of a plan before; None where it is to be sent. The place (1, 2, …) is where its source has it.

        Raises:
            InvalidArgument: DUPLICATE_KEY in the source.
            FailedPrecondition: CHANGED_SINCE_SENT: under this key something else was sent, and may have been accepted.
        """
        row = self._keys.execute("SELECT digest, plan, state, place FROM keys WHERE key = ?", (key,)).fetchone()
        if row is None:
            self._keys.execute("INSERT INTO keys (key, place) VALUES (?, ?)", (key, place))
            return None
        before, plan, state, met = row
        if met:
            raise InvalidArgument("DUPLICATE_KEY", f"the key {key!r} was given to flight {met} already")
        if before and before != digest:
            became = f"became {plan}" if plan else "was sent and may have been accepted"
            raise FailedPrecondition(
                "CHANGED_SINCE_SENT",
                f"flight {place} of the source, with the key {key!r}, is not the one that {became}: "
                "submit what is new from a source of its own",
            )
        self._keys.execute("UPDATE keys SET place = ? WHERE key = ?", (place, key))
        return Done(plan, state) if plan else None

    def sent(self, key: str, digest: str) -> None:
        """To be noted before a plan is sent: from now on it may have been accepted."""
        self._write({"sent": key, "digest": digest})

    def answered(self, response: pb.SubmitFlightPlansResponse) -> None:
        """What became of a plan. After an error it is not done: another run sends it again, mended where refused."""
        error = error_of(response)
        if error is None:
            plan = response.flight_plan
            self._write({"answered": response.key, "plan": plan.name, "state": name_of(pb.State, plan.state, "")})
        elif not _may_be_stored(error):
            self._write({"refused": response.key, "reason": error.reason})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Brings everything to the disk."""
        self._keys.close()
        if self._file is not None:
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None

    def _open(self, path: Path, batch: Batch) -> None:
        head = {
            "journal": FORMAT,
            "batch": str(self._batch_id),
            "begun": self.begun.isoformat(),
            "source": batch.source,
            "asked": dict(batch.asked),
        }
        try:
            self._file = path.open("xb", buffering=0)
        except FileExistsError:
            self._read(path, batch)
            self._file = path.open("ab", buffering=0)
            self.resumed = True
            return
        self._write(head)
        os.fsync(self._file.fileno())
        _sync_folder(path.parent)

    def _read(self, path: Path, batch: Batch) -> None:
        """Takes what earlier runs noted, and cuts off what the last one did not finish to write."""
        whole = 0
        with path.open("r+b") as file:
            if file.read(len(codecs.BOM_UTF8)).startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF8)):
                raise _unreadable(
                    path, 1, f"another program has saved it with a byte order mark: {ADVICE}, without one"
                )
            file.seek(0)
            for number, line in enumerate(iter(lambda: file.readline(LINE_BYTES_MAX), b""), 1):
                if not line.endswith(b"\n"):
                    break
                try:
                    record = json.loads(line)
                    self._take_head(record, batch) if number == 1 else self._take(record)
                except (ValueError, TypeError, KeyError, AttributeError, sqlite3.Error) as fault:
                    raise _unreadable(path, number, fault) from None
                whole += len(line)
            if not whole:
                raise _unreadable(path, 1, "it has no head; if a crash left it so, delete it: nothing was sent yet")
            if file.read(1):
                raise _unreadable(path, number, "the line is too long")
            file.truncate(whole)

    def _take_head(self, head: dict[str, Any], batch: Batch) -> None:
        if head["journal"] != FORMAT:
            raise ValueError(f"it is no {FORMAT}")
        if head["source"] != batch.source:
            raise InvalidArgument(
                "JOURNAL_OF_ANOTHER", f"the journal {self.path} is of {head['source']}, not of {batch.source}"
            )
        asked = json.loads(json.dumps(dict(batch.asked)))
        others = sorted(name for name in {*asked, *head["asked"]} if asked.get(name) != head["asked"].get(name))
        if others:
            before = ", ".join(f"{name} {json.dumps(head['asked'].get(name))}" for name in others)
            raise InvalidArgument(
                "JOURNAL_OF_ANOTHER", f"the journal {self.path} was begun with other options: {before}"
            )
        now, self.begun = self.begun, datetime.fromisoformat(head["begun"]).astimezone(UTC)
        if now - self.begun > RESUMED_WITHIN:
            raise FailedPrecondition(
                "JOURNAL_TOO_OLD",
                f"the journal {self.path} was begun more than {RESUMED_WITHIN.days} days ago: "
                "the service may not know any more what it has answered",
            )
        self._batch_id = uuid.UUID(head["batch"])

    def _take(self, record: dict[str, Any]) -> None:
        if "sent" in record:
            statement = """INSERT INTO keys (key, digest) VALUES (?, ?)
                           ON CONFLICT (key) DO UPDATE SET digest = excluded.digest"""
            self._keys.execute(statement, (record["sent"], record["digest"]))
        elif "plan" in record:
            statement = "UPDATE keys SET plan = ?, state = ? WHERE key = ?"
            self._keys.execute(statement, (record["plan"], record["state"], record["answered"]))
        else:
            # Nothing is stored of what was refused: it may be mended.
            self._keys.execute("UPDATE keys SET digest = '' WHERE key = ? AND plan = ''", (record["refused"],))

    def _write(self, record: Mapping[str, Any]) -> None:
        """One write, so that another run's records do not get between."""
        if self._file is not None:
            self._file.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")


def _may_be_stored(error: LowskyApiError) -> bool:
    """Whether a plan may have been accepted although this error came, perhaps in a try before."""
    uncertain = (Unavailable, DeadlineExceeded, Internal, ResourceExhausted, Aborted)
    return isinstance(error, uncertain) or error.code == "UNKNOWN" or error.reason == "REQUEST_ID_REUSED"


def _unreadable(path: Path, number: int, fault: object) -> InvalidArgument:
    return InvalidArgument("JOURNAL_UNREADABLE", f"{path} cannot be read as a journal, line {number}: {fault}")


def _sync_folder(folder: Path) -> None:
    """Brings a new file's name to the disk; where folders cannot be opened (Windows) that is not needed."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
