"""Files that only their owner may read, locks between processes, and the folders of the stack."""

import contextlib
import fcntl
import hashlib
import os
import secrets
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from lowsky.local.errors import StackError

LOCK_WAIT_S_MAX = 900
"""Longest wait for another process that downloads or starts the same thing; a cold Maven run may take minutes."""


RUNTIME_CHARS_MAX = 60
"""A parent of this length leaves room for our folder's name and the socket's in the 103 bytes of a socket path."""


def write_private(path: Path, text: str) -> None:
    """Replaces the file in one step; its mode is 0600 from its first byte on."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def private_directory(path: Path) -> Path:
    """Creates a folder that only its owner may enter, or checks that the existing one is ours."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        raise StackError(
            f"{path} cannot be made ({error.strerror}): "
            "give a folder that you may write, by --state-dir or LOWSKY_STATE_DIR"
        ) from error
    if not stat.S_ISDIR(found.st_mode):
        raise StackError(f"{path} is in the way: a folder was expected")
    if found.st_uid != os.geteuid():
        raise StackError(f"{path} belongs to another user (uid {found.st_uid}); choose another --state-dir")
    return path


def cache_directory() -> Path:
    """`$XDG_CACHE_HOME/lowsky`, by default `~/.cache/lowsky`; shared by all checkouts of a user."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # Not Path.home(): it fails where a user has none.
    root = Path(base) if Path(base).is_absolute() else Path("~").expanduser() / ".cache"
    return root.absolute() / "lowsky"


def writable_cache_directory() -> Path:
    """The same, made where it is not there. StackError with what to set where it cannot be written."""
    folder = cache_directory()
    problem = ""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = error.strerror or str(error)
    if problem or not os.access(folder, os.W_OK | os.X_OK):
        raise StackError(
            f"{folder}, where downloads are kept, cannot be written ({problem or 'no permission'}); "
            "set XDG_CACHE_HOME (or HOME) to a folder that you may write"
        )
    return folder


def short_runtime_directory(for_path: Path, *, shared_parent: bool) -> Path:
    """A folder with a short name that stands for a long one: UNIX socket paths end at some 107 bytes.

    With `shared_parent` the folder must be reachable by another system user, so not under XDG_RUNTIME_DIR (0700).
    """
    digest = hashlib.sha256(str(for_path.resolve()).encode()).hexdigest()[:12]
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime and not shared_parent and Path(runtime).is_dir() and len(runtime) < RUNTIME_CHARS_MAX:
        return Path(runtime) / f"lowsky-{digest}"
    temporary = tempfile.gettempdir()
    # TMPDIR itself may be too long. The folder is made 0700 and checked to be ours, so a public parent does no harm.
    base = Path(temporary if len(temporary) < RUNTIME_CHARS_MAX else "/tmp")  # noqa: S108
    return base / f"lowsky-{os.geteuid()}-{digest}"


@contextlib.contextmanager
def exclusive(lock_file: Path, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
    """Holds a lock between processes; `on_wait` is called once when another holds it.

    The kernel frees it when the holder dies, so a stale lock cannot exist.
    """
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    with open(lock_file, "a", opener=lambda name, flags: os.open(name, flags | os.O_CLOEXEC, 0o600)) as file:
        deadline = time.monotonic() + LOCK_WAIT_S_MAX
        announced = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not announced and on_wait is not None:
                    on_wait()
                announced = True
                if time.monotonic() > deadline:
                    raise StackError(f"another process has held {lock_file} for {LOCK_WAIT_S_MAX} s") from None
                time.sleep(0.1)
        yield
