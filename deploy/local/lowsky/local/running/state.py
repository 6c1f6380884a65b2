"""What runs, written down in `state.json` as it comes to be, so that a command that dies half-way leaves a trace."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from lowsky.local.errors import StackError
from lowsky.local.files import write_private
from lowsky.local.running import processes
from lowsky.local.running.processes import Command, Identity

VERSION = 1
FILE_NAME = "state.json"


@dataclass(slots=True)
class ProcessEntry:
    """One process of the stack."""

    name: str
    kind: Literal["postgres", "kafka", "grpc", "http"]
    address: str
    """`host:port`, or the URL of the database."""
    identity: Identity
    command: Command

    @property
    def log_file(self) -> Path:
        """Where to look when it fails: Kafka logs to a file of its own beside what its Java runtime prints."""
        return self.command.log_file.with_suffix(".log")

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        return processes.is_alive(self.identity)


@dataclass(slots=True)
class StackState:
    """The whole stack. `phase` is "starting" until everything has said that it is healthy."""

    state_dir: Path
    starter: Identity
    """Who is starting it, to tell a start under way from one that was cut off."""
    phase: Literal["starting", "up"] = "starting"
    database_url: str = ""
    kafka_bootstrap: str = ""
    topic_prefix: str = ""
    issuer_url: str = ""
    issuer_secret: str = ""
    token_audience: str = ""
    env: dict[str, str] = field(default_factory=dict)
    """What a client of the stack needs in its environment."""
    entries: dict[str, ProcessEntry] = field(default_factory=dict)
    """In the order of their start."""

    @property
    def endpoints(self) -> dict[str, str]:
        """Name of each service to its `host:port`."""
        return {name: entry.address for name, entry in self.entries.items() if entry.kind in ("grpc", "http")}

    def dead(self) -> Iterator[ProcessEntry]:
        """Processes that should run and do not."""
        return (entry for entry in self.entries.values() if not entry.alive)

    def any_alive(self) -> bool:
        """Whether anything of this stack still runs."""
        return any(entry.alive for entry in self.entries.values())

    def save(self) -> None:
        """Writes state.json, readable by its owner only: it holds the issuer's secret."""
        document = {"version": VERSION, **asdict(self), "entries": [asdict(entry) for entry in self.entries.values()]}
        write_private(self.state_dir / FILE_NAME, json.dumps(document, indent=2, default=str) + "\n")

    def forget(self) -> None:
        """Removes state.json: nothing runs any more."""
        (self.state_dir / FILE_NAME).unlink(missing_ok=True)


def load(state_dir: Path) -> StackState | None:
    """The state of a stack; None if there is none. StackError if the file is damaged or of another version."""
    file = state_dir / FILE_NAME
    try:
        document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if document.pop("version") != VERSION:
            raise StackError(f"{file} was written by another version of lowsky; stop that stack with it")
        entries = [_entry(entry) for entry in document.pop("entries")]
        document["starter"] = Identity(**document["starter"])
        document["state_dir"] = state_dir
        return StackState(**document, entries={entry.name: entry for entry in entries})
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StackError(f"{file} is damaged ({error}); its processes must be stopped by hand") from error


def _entry(document: dict[str, Any]) -> ProcessEntry:
    command = document["command"]
    return ProcessEntry(
        name=document["name"],
        kind=cast(Literal["postgres", "kafka", "grpc", "http"], document["kind"]),
        address=document["address"],
        identity=Identity(**document["identity"]),
        command=Command(
            tuple(command["argv"]),
            Path(command["log_file"]),
            dict(command["env"]),
            user=command["user"],
            cwd=Path(command["cwd"]) if command["cwd"] is not None else None,
        ),
    )
