"""Tables for the screen."""

import shlex
import time

from rich.console import Console
from rich.table import Table

from lowsky.local.running import health, processes
from lowsky.local.running.state import ProcessEntry, StackState
from lowsky.local.stack import Stack


def show(stack: Stack, console: Console) -> bool:
    """Prints where everything is and how it does; returns whether all of it runs and is healthy."""
    running = stack.state
    console.print(_table(running))
    for line in _given(running):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    dead = list(running.dead())
    unwell = [entry for entry in running.entries.values() if entry.alive and not _healthy(entry)]
    for entry in dead:
        console.print()
        show_death(entry, console)
    where = f"--state-dir {shlex.quote(str(running.state_dir))}"
    if dead:
        _advise(console, f"`lowsky up {where}` starts again what is dead")
    for entry in unwell:
        console.print(f"\n[yellow]{entry.name} runs but is not healthy[/yellow]; see {entry.log_file}", soft_wrap=True)
    if unwell:
        name = unwell[0].name if len(unwell) == 1 else "NAME"
        _advise(console, f"if it stays so: `lowsky restart {name} {where}`")
    return not dead and not unwell and running.phase == "up"


def _advise(console: Console, text: str) -> None:
    console.print(f"→ {text}", markup=False, highlight=False, soft_wrap=True)


def show_death(entry: ProcessEntry, console: Console) -> None:
    """Says that a process is dead, and its last words."""
    console.print(f"[red]{entry.name} is dead[/red]; the end of {entry.log_file}:", soft_wrap=True)
    console.print(processes.tail(entry.log_file), markup=False, highlight=False, soft_wrap=True)


def _table(running: StackState) -> Table:
    table = Table(title=f"lowsky in {running.state_dir}", title_justify="left")
    for heading in ("what", "state", "address", "pid", "up", "log"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("what", "state", "pid", "up"))
    for entry in running.entries.values():
        # The logs' folder and the database's URL stand below the table; here they would push the columns apart.
        address = "(a UNIX socket)" if entry.kind == "postgres" else entry.address
        table.add_row(entry.name, _word(entry), address, str(entry.identity.pid), _age(entry), entry.log_file.name)
    return table


def _given(running: StackState) -> list[str]:
    given = "" if "postgres" in running.entries else " (LOWSKY_DATABASE_URL)"
    lines = [f"database    {_without_password(running.database_url)}{given}"]
    if "kafka" not in running.entries:
        lines.append(f"kafka       {running.kafka_bootstrap} (LOWSKY_KAFKA_BOOTSTRAP)")
    if running.issuer_url:
        lines.append(
            f"tokens      {running.issuer_url}/token, development only; secret in {running.state_dir}/state.json"
        )
    lines.append(f"logs        {running.state_dir / 'log'}")
    lines.append(f"stop        lowsky down --state-dir {shlex.quote(str(running.state_dir))}")
    return lines


def _without_password(url: str) -> str:
    head, at, tail = url.rpartition("@")
    scheme, separator, user = head.partition("://")
    return f"{scheme}{separator}{user.partition(':')[0]}{at}{tail}" if at else url


def _word(entry: ProcessEntry) -> str:
    if not entry.alive:
        return "[red]dead[/red]"
    return "[green]running[/green]" if _healthy(entry) else "[yellow]not ready[/yellow]"


def _healthy(entry: ProcessEntry) -> bool:
    return health.serves(entry.address, entry.kind) if entry.kind in ("grpc", "http") else True


def _age(entry: ProcessEntry) -> str:
    since = processes.started_at(entry.identity)
    if since is None:
        return ""
    seconds = max(0, int(time.time() - since))
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    return f"{hours}h{minutes:02d}m" if hours else f"{minutes}m{seconds % 60:02d}s"
