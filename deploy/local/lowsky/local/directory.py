"""The state directory: who may have it, and what is deleted from it."""

import shutil
from pathlib import Path

from lowsky.local import shutdown
from lowsky.local.errors import AlreadyRunning, StackError
from lowsky.local.files import private_directory
from lowsky.local.parts import kafka, postgres
from lowsky.local.reporting import Reporter
from lowsky.local.running import state

MARKER = ".lowsky-stack"
"""Tells a folder of ours from any other: only there is anything ever deleted."""


def prepare(state_dir: Path) -> Path:
    """Makes the folder, or checks that it is one of ours; returns its absolute path."""
    state_dir = private_directory(state_dir.expanduser().absolute())
    marker = state_dir / MARKER
    if not marker.exists():
        # Looked for once more: another command may be making the same stack.
        if any(state_dir.iterdir()) and not marker.exists():
            raise StackError(f"{state_dir} holds other files; give the stack a --state-dir of its own")
        marker.write_text("Made by `lowsky up`; `lowsky down --purge` deletes what it made here.\n", encoding="utf-8")
    private_directory(state_dir / "log")
    if postgres.system_user() is not None:
        # The database's own user passes through to its data; it can list and read nothing else.
        state_dir.chmod(0o711)
    ignore = state_dir / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
    return state_dir


def clear_earlier(state_dir: Path, reporter: Reporter) -> None:
    """Refuses beside a living stack; stops what a start that was cut off has left."""
    earlier = state.load(state_dir)
    if earlier is None:
        return
    if earlier.any_alive():
        if earlier.phase == "up":
            raise AlreadyRunning(f"a stack already runs in {state_dir}")
        reporter.say("an earlier start was cut off half-way: stopping what it has left")
        shutdown.stop_all(earlier, reporter)
    else:
        reporter.say("an earlier stack here is gone (was the machine restarted?): starting it anew on its data")
        earlier.forget()


def purge(state_dir: Path) -> None:
    """Removes data, keys and logs of a stack that is down; files of others in the folder stay."""
    if not (state_dir / MARKER).exists():
        raise StackError(f"{state_dir} holds no stack")
    postgres.purge(state_dir)
    kafka.purge(state_dir)
    for folder in ("log", "issuer"):
        shutil.rmtree(state_dir / folder, ignore_errors=True)
    for file in ("ports.json", "lock", ".gitignore", MARKER):
        (state_dir / file).unlink(missing_ok=True)
    if not any(private_directory(state_dir).iterdir()):
        state_dir.rmdir()
