"""The journal: which of many plans were sent and answered, on disk, so that an interrupted run can be resumed.

    {"journal": "lowsky.submissions.v1", "batch": "…", "begun": "…", "source": "flights.ndjson", "asked": {…}}
    {"sent": "17", "digest": "…"}
    {"answered": "17", "plan": "operators/acme/flightPlans/…", "state": "STATE_SUBMITTED"}
    {"refused": "18", "reason": "START_IN_PAST"}

The batch id is generated once, and on disk before anything is sent; every request id is derived from it and the plan's
key. So a record lost in a crash does no harm: its plan is sent again with the same request id, and gets the same
answer. Two concurrent runs are harmless for the same reason.
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
from lowsky.text_files import ADVICE

FORMAT = "lowsky.submissions.v1"

RESUMED_WITHIN = timedelta(days=6)
"""The services keep answers by request id for seven days; one day is the margin for clocks and for the run itself."""

LINE_BYTES_MAX = 64 * 1024
"""Maximum length of a line: a key has at most 200 characters, and there are only a few options."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Source and options that a journal belongs to: it is refused for any other."""

    source: str
    """Name of the file or folder."""
    asked: Mapping[str, Any]
    """The options that apply to all plans, as JSON values."""


@dataclass(frozen=True, slots=True)
class Done:
    """The outcome of a plan in an earlier run."""

    plan: str
    state: str


class Journal:
    """The journal of a batch, new or resumed; without a path it is kept for this run only.

    Only the caller who started a batch can resume it: request ids are scoped to a caller.

    Raises:
        InvalidArgument: JOURNAL_UNREADABLE, or JOURNAL_OF_ANOTHER (source, or options).
        FailedPrecondition: JOURNAL_TOO_OLD: it is too late to send unanswered plans again.
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
               state TEXT NOT NULL DEFAULT '', position INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID"""
        )
        self._keys.execute("BEGIN")
        try:
            if path is not None:
                self._open(path, batch)
        except BaseException:
            self.close()
            raise

    def request_id(self, key: str) -> str:
        """The request id of a plan, the same in every run of the batch."""
        return str(uuid.uuid5(self._batch_id, key))

    def outcome(self, key: str, digest: str, position: int) -> Done | None:
        """The outcome of a plan in an earlier run; None if it is to be sent. Its position in the source counts from 1.

        Raises:
            InvalidArgument: DUPLICATE_KEY in the source.
            FailedPrecondition: CHANGED_SINCE_SENT: another plan was sent with this key, and may have been accepted.
        """
        row = self._keys.execute("SELECT digest, plan, state, position FROM keys WHERE key = ?", (key,)).fetchone()
        if row is None:
            self._keys.execute("INSERT INTO keys (key, position) VALUES (?, ?)", (key, position))
            return None
        before, plan, state, first_position = row
        if first_position:
            raise InvalidArgument("DUPLICATE_KEY", f"the key {key!r} was given to flight {first_position} already")
        if before and before != digest:
            became = f"became {plan}" if plan else "was sent and may have been accepted"
            raise FailedPrecondition(
                "CHANGED_SINCE_SENT",
                f"flight {position} of the source, with the key {key!r}, is not the one that {became}: "
                "submit new plans from a separate source",
            )
        self._keys.execute("UPDATE keys SET position = ? WHERE key = ?", (position, key))
        return Done(plan, state) if plan else None

    def sent(self, key: str, digest: str) -> None:
        """Records that a plan may have been accepted; call it before sending."""
        self._write({"sent": key, "digest": digest})

    def answered(self, response: pb.SubmitFlightPlansResponse) -> None:
        """Records the outcome of a plan. A plan with an error is not done: the next run sends it again, maybe
        corrected."""
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
        """Writes everything to the disk."""
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
        """Loads the records of earlier runs, and truncates a last record that was not completely written."""
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
                raise _unreadable(path, 1, "it has no header; if a crash caused that, delete it: nothing was sent yet")
            if file.read(1):
                raise _unreadable(path, number, "the line is too long")
            file.truncate(whole)

    def _take_head(self, head: dict[str, Any], batch: Batch) -> None:
        if head["journal"] != FORMAT:
            raise ValueError(f"it is not of format {FORMAT}")
        if head["source"] != batch.source:
            raise InvalidArgument(
                "JOURNAL_OF_ANOTHER", f"the journal {self.path} belongs to {head['source']}, not to {batch.source}"
            )
        asked = json.loads(json.dumps(dict(batch.asked)))
        others = sorted(name for name in {*asked, *head["asked"]} if asked.get(name) != head["asked"].get(name))
        if others:
            before = ", ".join(f"{name} {json.dumps(head['asked'].get(name))}" for name in others)
            raise InvalidArgument(
                "JOURNAL_OF_ANOTHER", f"the journal {self.path} was started with other options: {before}"
            )
        now, self.begun = self.begun, datetime.fromisoformat(head["begun"]).astimezone(UTC)
        if now - self.begun > RESUMED_WITHIN:
            raise FailedPrecondition(
                "JOURNAL_TOO_OLD",
                f"the journal {self.path} was started more than {RESUMED_WITHIN.days} days ago: "
                "the service may no longer know its answers, and would execute requests twice",
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
            # Keep no digest of a refused plan: it may be corrected.
            self._keys.execute("UPDATE keys SET digest = '' WHERE key = ? AND plan = ''", (record["refused"],))

    def _write(self, record: Mapping[str, Any]) -> None:
        """Writes a record at once, so that it does not interleave with those of another run."""
        if self._file is not None:
            self._file.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")


def _may_be_stored(error: LowskyApiError) -> bool:
    """Whether a plan may have been accepted despite this error, perhaps in an earlier attempt."""
    uncertain = (Unavailable, DeadlineExceeded, Internal, ResourceExhausted, Aborted)
    return isinstance(error, uncertain) or error.code == "UNKNOWN" or error.reason == "REQUEST_ID_REUSED"


def _unreadable(path: Path, number: int, fault: object) -> InvalidArgument:
    return InvalidArgument("JOURNAL_UNREADABLE", f"{path} cannot be read as a journal, line {number}: {fault}")


def _sync_folder(folder: Path) -> None:
    """Makes a new file's name durable; not needed where folders cannot be opened (Windows)."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
