"""The command `lowsky demo`."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from lowsky.client.errors import LowskyApiError
from lowsky.local.commands import EXIT_FAILED, STATE_DIR_DEFAULT, StateDir
from lowsky.local.demo.story import play
from lowsky.local.errors import AlreadyRunning, StackError
from lowsky.local.reporting import ConsoleReporter
from lowsky.local.stack import Stack

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
    raise typer.Exit(run_demo(state_dir, Console(), leave_up=leave_up))


def run_demo(state_dir: Path, console: Console, *, leave_up: bool | None = None) -> int:
    """`lowsky demo`; returns the exit code."""
    stay = console.is_terminal if leave_up is None else leave_up
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        stack = Stack.start(state_dir, reporter=ConsoleReporter(console), env=AREA)
    except AlreadyRunning:
        console.print("A stack is up in this folder already: `lowsky down` stops it, then play the demo again.")
        return EXIT_FAILED
    except StackError as error:
        console.print(f"[red]The stack could not be started.[/] {error}", soft_wrap=True)
        return EXIT_FAILED
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    try:
        asyncio.run(play(stack, console))
        if stay:
            _stay(stack, console)
    except (LowskyApiError, StackError) as error:
        console.print(f"[red]The story broke off:[/] {error}", soft_wrap=True)
        return EXIT_FAILED
    except KeyboardInterrupt:
        console.print("stopping")
    finally:
        stack.stop()
    return 0


def _stay(stack: Stack, console: Console) -> None:
    console.print(
        f"\nThe stack stays up; its data and logs are in {stack.state_dir}. In another terminal try for instance\n"
        "  .venv/bin/lowsky --as operator:sample-parcels plan list\n"
        "  .venv/bin/lowsky --as officer:cn-shanghai approvals list\n"
        "  .venv/bin/lowsky events tail --from-beginning\n"
        "Ctrl-C here stops it.",
        highlight=False,
    )
    signal.pause()
