"""The commands `lowsky up`, `lowsky status`, `lowsky restart` and `lowsky down`."""

from __future__ import annotations

import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from lowsky.cli.deferred import deferred
from lowsky.local.errors import EXIT_PRODUCTION_REFUSED, AlreadyRunning, ProductionRefused, StackError

if TYPE_CHECKING:
    from rich import console as consoles
    from rich.console import Console

    from lowsky.local import directory, files, reporting, shutdown, stack, view
    from lowsky.local.parts import services as parts
    from lowsky.local.running import processes
else:
    consoles = deferred("rich.console")
    directory, files = deferred("lowsky.local.directory"), deferred("lowsky.local.files")
    reporting, shutdown = deferred("lowsky.local.reporting"), deferred("lowsky.local.shutdown")
    stack, view = deferred("lowsky.local.stack"), deferred("lowsky.local.view")
    parts, processes = deferred("lowsky.local.parts.services"), deferred("lowsky.local.running.processes")

EXIT_FAILED = 1
EXIT_NOT_RUNNING = 3
"""As `systemctl status` and the LSB have it."""

STATE_DIR_DEFAULT = Path(".lowsky")
WATCH_S = 1.0

StateDir = Annotated[
    Path,
    typer.Option("--state-dir", envvar="LOWSKY_STATE_DIR", help="Where data, logs and state.json of the stack lie."),
]


def up(
    state_dir: StateDir = STATE_DIR_DEFAULT,
    attach: Annotated[
        bool, typer.Option("--attach/--detach", help="Stay, say when a process dies, and stop all on Ctrl-C.")
    ] = False,
    infrastructure: Annotated[
        bool, typer.Option("--infrastructure", help="Start only PostgreSQL, Kafka and the topics.")
    ] = False,
) -> None:
    """Start PostgreSQL, Kafka, a development token issuer and all services on this machine; beside a stack that runs
    already, start again what is dead.

    Exit codes: 0 all runs and is healthy · 1 something failed, the text says what to do · 78 refused in production.
    """
    services: Sequence[parts.Service] = () if infrastructure else parts.SERVICES
    raise typer.Exit(run_up(state_dir, services, attach=attach, issuer=not infrastructure))


def status(state_dir: StateDir = STATE_DIR_DEFAULT) -> None:
    """Show what runs, where, and the last words of what does not, and what to do about it.

    Exit codes: 0 all runs and is healthy · 1 something is dead or not healthy · 3 nothing is up.
    """
    raise typer.Exit(run_status(state_dir))


def restart(
    name: Annotated[str, typer.Argument(help="postgres, kafka, issuer, or a service: as `lowsky status` names it.")],
    state_dir: StateDir = STATE_DIR_DEFAULT,
) -> None:
    """Stop one part of the stack, if it still runs, and start it again; the others go on.

    Exit codes: 0 it runs and is healthy · 1 it does not, the text says why · 3 nothing is up.
    """
    raise typer.Exit(run_restart(state_dir, name))


def down(
    state_dir: StateDir = STATE_DIR_DEFAULT,
    purge: Annotated[bool, typer.Option("--purge", help="Also delete the data, the keys and the logs.")] = False,
) -> None:
    """Stop everything that `lowsky up` has started; the data stays unless purged."""
    raise typer.Exit(run_down(state_dir, purge=purge))


def run_up(
    state_dir: Path,
    services: Sequence[parts.Service],
    *,
    attach: bool,
    issuer: bool = True,
    console: Console | None = None,
) -> int:
    """`lowsky up` for any services; returns the exit code."""
    console = console or consoles.Console()
    # Closing the terminal or a plain kill must stop a half-started stack just as Ctrl-C does.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        running = stack.Stack.start(state_dir, services, issuer=issuer, reporter=reporting.ConsoleReporter(console))
    except AlreadyRunning as error:
        console.print(str(error), markup=False, soft_wrap=True)
        return _mend(state_dir, console)
    except ProductionRefused as error:
        return _fail(console, error, EXIT_PRODUCTION_REFUSED)
    except StackError as error:
        return _fail(console, error, EXIT_FAILED)
    except KeyboardInterrupt:
        console.print("interrupted; everything that had been started is stopped")
        return 128 + signal.SIGINT
    if not attach:
        return 0 if view.show(running, console) else EXIT_FAILED
    try:
        view.show(running, console)
        _watch(running, console)
    except KeyboardInterrupt:
        console.print("stopping")
    finally:
        running.stop()
    return 0


def run_status(state_dir: Path, console: Console | None = None) -> int:
    """`lowsky status`; returns 0 if all is well, 1 if something is dead or not healthy, 3 if nothing is up."""
    console = console or consoles.Console()
    try:
        running = stack.Stack.find(state_dir)
        if running is None:
            console.print(f"nothing is up in {state_dir.absolute()}", markup=False, soft_wrap=True)
            return EXIT_NOT_RUNNING
        if running.state.phase == "starting":
            under_way = processes.is_alive(running.state.starter)
            console.print(
                "it is just being started" if under_way else "its start was cut off half-way; run `lowsky down`"
            )
        return 0 if view.show(running, console) else EXIT_FAILED
    except StackError as error:
        return _fail(console, error, EXIT_FAILED)


def run_restart(state_dir: Path, name: str, console: Console | None = None) -> int:
    """`lowsky restart`; returns the exit code."""
    console = console or consoles.Console()
    try:
        running = stack.Stack.find(state_dir, reporting.ConsoleReporter(console))
        if running is None:
            console.print(f"nothing is up in {state_dir.absolute()}", markup=False, soft_wrap=True)
            return EXIT_NOT_RUNNING
        running.restart(name)
    except StackError as error:
        return _fail(console, error, EXIT_FAILED)
    return 0


def _mend(state_dir: Path, console: Console) -> int:
    """`lowsky up` beside a stack that runs, of which parts may be dead."""
    try:
        running = stack.Stack.find(state_dir, reporting.ConsoleReporter(console))
        if running is None:  # stopped this very moment
            console.print("it was stopped meanwhile; run `lowsky up` again")
            return EXIT_NOT_RUNNING
        started = running.mend()
    except StackError as error:
        return _fail(console, error, EXIT_FAILED)
    if started:
        console.print(f"started again: {', '.join(started)}", markup=False, soft_wrap=True)
    return 0 if view.show(running, console) else EXIT_FAILED


def run_down(state_dir: Path, *, purge: bool = False, console: Console | None = None) -> int:
    """`lowsky down`; nothing to stop is no failure."""
    console = console or consoles.Console()
    state_dir = state_dir.expanduser().absolute()
    reporter = reporting.ConsoleReporter(console)
    if not (state_dir / directory.MARKER).exists():
        console.print(f"nothing is up in {state_dir}", markup=False, soft_wrap=True)
        return 0
    try:
        with files.exclusive(
            state_dir / "lock", on_wait=lambda: reporter.say("another lowsky command works here: waiting")
        ):
            running = stack.Stack.find(state_dir)
            if running is None:
                console.print(f"nothing is up in {state_dir}", markup=False, soft_wrap=True)
            else:
                shutdown.stop_all(running.state, reporter)
            if purge:
                directory.purge(state_dir)
                reporter.say(f"data, keys and logs in {state_dir} are deleted")
    except StackError as error:
        return _fail(console, error, EXIT_FAILED)
    return 0


def _watch(running: stack.Stack, console: Console) -> None:
    """Stays until KeyboardInterrupt; says once of each process that it has died, and restarts none."""
    console.print("attached: Ctrl-C stops everything")
    told: set[str] = set()
    asleep = threading.Event()
    while not asleep.wait(WATCH_S):
        for entry in running.state.dead():
            if entry.name not in told:
                told.add(entry.name)
                console.print()
                view.show_death(entry, console)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _fail(console: Console, error: StackError, code: int) -> int:
    console.print("[red]lowsky:[/red]", end=" ")
    console.print(str(error), markup=False, highlight=False, soft_wrap=True)
    return code
