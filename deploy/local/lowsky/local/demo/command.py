"""The command `lowsky demo`."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lowsky.cli.deferred import deferred
from lowsky.local.commands import EXIT_FAILED, STATE_DIR_DEFAULT, StateDir
from lowsky.local.errors import AlreadyRunning, StackError

if TYPE_CHECKING:
    from rich import console as consoles
    from rich.console import Console

    from lowsky.client import errors
    from lowsky.local import reporting
    from lowsky.local import stack as stacks
    from lowsky.local.demo import story
else:
    consoles, errors = deferred("rich.console"), deferred("lowsky.client.errors")
    reporting, story = deferred("lowsky.local.reporting"), deferred("lowsky.local.demo.story")
    stacks = deferred("lowsky.local.stack")

AREA = {
    "LOWSKY_TERRAIN_MIN_M": "-5",
    "LOWSKY_TERRAIN_MAX_M": "60",
    "LOWSKY_GEOID_MIN_M": "5",
    "LOWSKY_GEOID_MAX_M": "20",
}
"""What is known of heights in the sample's area, the plain between Shanghai and Suzhou with its pads: bounds that an
installation states for itself. Without them heights above take-off and above ground could not be told apart."""


def demo(
    state_dir: StateDir = STATE_DIR_DEFAULT,
    leave_up: Annotated[
        bool | None,
        typer.Option(
            "--leave-up/--stop", help="Stay up until Ctrl-C, or stop at the end. By itself: as on a terminal."
        ),
    ] = None,
) -> None:
    """Start everything, import a sample airspace, and play a day of requests on it."""
    raise typer.Exit(run_demo(state_dir, consoles.Console(), leave_up=leave_up))


def run_demo(state_dir: Path, console: Console, *, leave_up: bool | None = None) -> int:
    """`lowsky demo`; returns the exit code."""
    stay = console.is_terminal if leave_up is None else leave_up
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        stack = stacks.Stack.start(state_dir, reporter=reporting.ConsoleReporter(console), env=AREA)
    except AlreadyRunning:
        console.print("A stack is up in this folder already: `lowsky down` stops it, then play the demo again.")
        return EXIT_FAILED
    except StackError as error:
        console.print(f"[red]The stack could not be started.[/] {error}", soft_wrap=True)
        return EXIT_FAILED
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    try:
        import asyncio  # slow to import, and not needed for --help

        asyncio.run(story.play(stack, console))
        if stay:
            _stay(stack, console)
    except (errors.LowskyApiError, StackError) as error:
        console.print(f"[red]The story broke off:[/] {error}", soft_wrap=True)
        return EXIT_FAILED
    except KeyboardInterrupt:
        console.print("stopping")
    finally:
        stack.stop()
    return 0


def _stay(stack: stacks.Stack, console: Console) -> None:
    console.print(
        f"\nThe stack stays up; its data and logs are in {stack.state_dir}. In another terminal try for instance\n"
        "  .venv/bin/lowsky --as operator:sample-parcels plan list\n"
        "  .venv/bin/lowsky --as officer:cn-shanghai approvals list\n"
        "  .venv/bin/lowsky events tail --from-beginning\n"
        "Ctrl-C here stops it.",
        highlight=False,
    )
    signal.pause()
