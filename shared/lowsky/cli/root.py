"""The root command: global options anywhere, commands of extras, and central error handling."""

from __future__ import annotations

import os
import sys
import traceback
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import typer
from typer.core import TyperGroup

from lowsky.cli import streams
from lowsky.cli.exits import Exit
from lowsky.cli.output import Format, Output
from lowsky.cli.problems import Problem, of_any

VALUED = {"--output", "-o", "--as", "--token-file", "--tls-ca", "--registration", "--airspace", "--flightplans"}
VALUED |= {"--approvals"}
FLAGS = {"--tls", "--no-tls"}

EXTRA_COMMANDS = "lowsky.commands"
"""Entry point group of commands that extras add."""


def hoist(arguments: list[str]) -> list[str]:
    """Moves global options to the front, so that they may also follow the command, where people write them."""
    front: list[str] = []
    rest: list[str] = []
    waiting = list(arguments)
    while waiting:
        argument = waiting.pop(0)
        if argument == "--":
            return [*front, *rest, argument, *waiting]
        name, equals, _ = argument.partition("=")
        if argument in FLAGS or (equals and name in VALUED):
            front.append(argument)
        elif argument in VALUED:
            front += [argument, *waiting[:1]]
            del waiting[:1]
        else:
            rest.append(argument)
    return [*front, *rest]


def wanted_format(arguments: list[str]) -> Format:
    """The output format before options are parsed, for errors in the options themselves."""
    text = " ".join(arguments)
    chosen = any(part in text for part in ("--output json", "--output=json", "-o json"))
    return Format.JSON if chosen or os.environ.get("LOWSKY_OUTPUT") == "json" else Format.TABLE


class Root(TyperGroup):
    """`lowsky` itself."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        args = hoist(args)
        ctx.meta["lowsky.form"] = wanted_format(args)
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *sorted(_extras())]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        own = super().get_command(ctx, cmd_name)
        if own is not None or (extra := _extras().get(cmd_name)) is None:
            return own
        return _command(cmd_name, extra)

    def invoke(self, ctx: Any) -> Any:
        try:
            self._invoke(ctx)
        except typer.Exit as ended:
            raise typer.Exit(_with_printing(ended.exit_code, ctx)) from None
        raise typer.Exit(_with_printing(Exit.OK, ctx))

    def _invoke(self, ctx: Any) -> None:
        try:
            super().invoke(ctx)
        except (typer.Exit, typer.Abort):
            raise
        except KeyboardInterrupt:
            raise typer.Exit(Exit.INTERRUPTED) from None
        except Exception as error:
            raise typer.Exit(report(error, Output(ctx.meta["lowsky.form"]))) from error


def _with_printing(code: int, ctx: Any) -> int:
    """The exit code after printing: a command that only reads has failed if its output could not be written."""
    sys.stdout.flush()
    changed = ctx.invoked_subcommand in _extras() or (ctx.obj is not None and ctx.obj.output.changed)
    unwritten = streams.lost() is not None and not streams.reader_left()
    return Exit.UNEXPECTED if code == Exit.OK and unwritten and not changed else code


def report(error: Exception, output: Output) -> int:
    """Shows what went wrong; returns the exit code."""
    if hasattr(error, "format_message") and hasattr(error, "exit_code"):  # a usage error, as typer knows it
        if not output.json:
            raise error
        problem: Problem | None = Problem("USAGE", str(error.format_message()), Exit.USAGE, "see --help")
    else:
        problem = of_any(error)
    if problem is None:
        if os.environ.get("LOWSKY_DEBUG"):
            traceback.print_exception(error)
        advice = "this is a bug in lowsky; LOWSKY_DEBUG=1 shows where"
        problem = Problem("UNEXPECTED", f"{type(error).__name__}: {error}", Exit.UNEXPECTED, advice)
    output.problem(problem)
    return int(problem.exit_code)


def _extras() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=EXTRA_COMMANDS)}


def _command(name: str, point: EntryPoint) -> Any:
    """The command of an extra, loaded on demand; a hint instead if the extra is not installed."""
    made = typer.Typer(add_completion=False, rich_markup_mode=None)
    try:
        made.command(name)(point.load())
    except ImportError as error:
        made.command(name, help="Needs an extra: pip install 'lowsky[local]'.", context_settings=_ANYTHING)(
            _missing(name, error)
        )
    return typer.main.get_command(made)


_ANYTHING = {"allow_extra_args": True, "ignore_unknown_options": True}


def _missing(name: str, error: ImportError) -> Any:
    def hint() -> None:
        raise Problem(
            "EXTRA_NOT_INSTALLED",
            f"`lowsky {name}` runs a whole installation on this machine and needs more than the client ({error})",
            Exit.UNEXPECTED,
            "pip install 'lowsky[local]'",
        )

    return hint
