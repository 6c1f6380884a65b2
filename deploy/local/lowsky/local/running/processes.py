"""Processes that outlive the command that started them, and are only ever stopped when they are provably the same.

A pid alone names nothing: the kernel gives it to someone else later. A process is therefore remembered as its pid *and*
its start, and a signal is sent only where both still agree.
"""

import contextlib
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import psutil

from lowsky.local.errors import StackError

LOG_BYTES_MAX = 20 * 1024 * 1024
"""A log larger than this is set aside (one older generation is kept) when its process starts."""

TAIL_BYTES_MAX = 64 * 1024
"""How much of a log's end is read to show its last lines."""

# Popen handles of this interpreter's own children: they must be reaped here, and must not be collected while running.
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True, slots=True)
class Identity:
    """Which process, for certain: its pid and when it started (opaque text, compared for equality)."""

    pid: int
    started: str


def identify(pid: int) -> Identity | None:
    """The identity of a running process; None if there is none, or only its zombie."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return Identity(pid, _start_of(process))
    except psutil.Error:
        return None


def _start_of(process: psutil.Process) -> str:
    """On Linux the boot and the clock ticks since it: unlike a wall-clock time it survives an adjusted clock."""
    if not sys.platform.startswith("linux"):
        return f"{process.create_time():.2f}"
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        # The command name, in parentheses, may itself hold spaces and parentheses: count from the last one.
        ticks = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError) as error:
        raise psutil.NoSuchProcess(process.pid) from error
    return f"{boot}:{ticks}"


def own_identity() -> Identity:
    """The identity of this very process."""
    return Identity(os.getpid(), _start_of(psutil.Process()))


def is_alive(identity: Identity) -> bool:
    """Whether this very process still runs; a successor with the same pid is not it."""
    return identify(identity.pid) == identity


def started_at(identity: Identity) -> float | None:
    """Seconds since the epoch at which a live process started."""
    if not is_alive(identity):
        return None
    with contextlib.suppress(psutil.Error):
        return psutil.Process(identity.pid).create_time()
    return None


@dataclass(frozen=True, slots=True)
class Command:
    """How to start a process; enough to start it again just so."""

    argv: tuple[str, ...]
    log_file: Path
    env: Mapping[str, str]
    """Added to this process' own environment."""
    user: str | None = None
    """System user to run as; only root may ask for another."""
    cwd: Path | None = None
    """Working directory; by default this process' own."""


def spawn(command: Command, *, may_end: bool = False) -> Identity:
    """Starts a process in a session of its own, its output appended to its log file (0600).

    One that ends at once is an error unless it `may_end`; its exit code then comes from `wait_end`.
    """
    _set_aside_large(command.log_file)
    log_descriptor = os.open(command.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        child = subprocess.Popen(
            command.argv,
            stdin=subprocess.DEVNULL,
            stdout=log_descriptor,
            stderr=subprocess.STDOUT,
            env={**os.environ, **command.env},
            cwd=command.cwd,
            start_new_session=True,
            **_as_user(command.user),
        )
    except OSError as error:
        raise StackError(f"cannot start {command.argv[0]}: {error}") from error
    finally:
        os.close(log_descriptor)
    _children[child.pid] = child
    started = _start_of(psutil.Process(child.pid))
    identity = Identity(child.pid, started)
    if not may_end and not is_alive(identity):
        raise StackError(f"{' '.join(command.argv)} ended at once\n{tail(command.log_file)}")
    return identity


class _UserArguments(TypedDict, total=False):
    user: str
    group: int
    extra_groups: list[int]


def _as_user(user: str | None) -> _UserArguments:
    """Arguments of `subprocess` that change the user, with its own group and no others."""
    if user is None:
        return {}
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def run_to_end(command: Command, timeout_s: float) -> tuple[int, str]:
    """Runs a process to its end; returns its exit code and the last lines it wrote, kills it on timeout."""
    identity = spawn(command, may_end=True)
    return wait_end(identity, command, timeout_s)


def wait_end(identity: Identity, command: Command, timeout_s: float) -> tuple[int, str]:
    """Waits for a process spawned here; returns its exit code and the last lines it wrote, kills it on timeout."""
    child = _children[identity.pid]
    try:
        code = child.wait(timeout_s)
    except subprocess.TimeoutExpired:
        kill(identity)
        return -signal.SIGKILL, f"not done after {timeout_s:.0f} s, killed\n{tail(command.log_file)}"
    except BaseException:
        kill(identity)
        raise
    finally:
        _children.pop(identity.pid, None)
    return code, tail(command.log_file)


def stop(identity: Identity, *, signals: Sequence[signal.Signals] = (signal.SIGTERM,), grace_s: float = 15) -> bool:
    """Asks with each signal in turn, waiting `grace_s` after each, then kills the whole process group.

    Returns whether it had to be killed. Does nothing if the process is gone or its pid has passed to another.
    """
    for number in signals:
        if not _signal(identity, number) or wait_gone(identity, grace_s):
            return False
    kill(identity)
    return True


def kill(identity: Identity) -> None:
    """Ends the process and its group at once, and waits until it is gone."""
    if not is_alive(identity):
        return
    with contextlib.suppress(ProcessLookupError):
        # Started in a session of its own, so its group is its pid and holds only what it started itself.
        os.killpg(identity.pid, signal.SIGKILL)
    if not wait_gone(identity, 10):
        raise StackError(f"process {identity.pid} does not end even when killed")


def wait_gone(identity: Identity, timeout_s: float) -> bool:
    """Waits for a process to end; False if it still runs after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while is_alive(identity):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    _reap(identity.pid)
    return True


def _signal(identity: Identity, number: signal.Signals) -> bool:
    if not is_alive(identity):
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(identity.pid, number)
        return True
    return False


def _reap(pid: int) -> None:
    child = _children.get(pid)
    if child is not None and child.poll() is not None:
        _children.pop(pid, None)


def _set_aside_large(log_file: Path) -> None:
    log_file.parent.mkdir(parents=True, exist_ok=True)
    if log_file.exists() and log_file.stat().st_size > LOG_BYTES_MAX:
        log_file.replace(log_file.with_name(log_file.name + ".1"))


def tail(log_file: Path, lines: int = 15) -> str:
    """The last lines of a log; empty if there is none."""
    try:
        with log_file.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - TAIL_BYTES_MAX))
            text = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
