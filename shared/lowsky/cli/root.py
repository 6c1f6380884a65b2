"""The root command: global options anywhere, commands of extras, and central error handling."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import typer

from lowsky.cli import streams
from lowsky.cli.exits import Exit
from lowsky.cli.extras import missing_for_local_stack
from lowsky.cli.groups import Group, Listing, command, lists, stub
from lowsky.cli.output import Format, Output
from lowsky.cli.problems import Problem, of_any

VALUED = {"--output", "-o", "--as", "--token-file", "--tls-ca", "--registration", "--airspace", "--flightplans"}
VALUED |= {"--approvals"}
FLAGS = {"--tls", "--no-tls"}

HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}
"""Context settings; a command inherits them from its group."""

COMMANDS: Mapping[str, tuple[str, str]] = {
    "operators": ("lowsky.cli.register.operators:app", "Operators, who are responsible for flights."),
    "aircraft": ("lowsky.cli.register.aircraft:app", "Aircraft of operators."),
    "authorities": ("lowsky.cli.airspace.authorities:app", "Authorities, which decide on approvals."),
    "zones": (
        "lowsky.cli.airspace.zones:app",
        "Geozones: where flights are allowed, and whose approval they need.",
    ),
    "plan": ("lowsky.cli.plans.plan:app", "Flight plans: from the request to the end of the flight."),
    "approvals": (
        "lowsky.cli.approvals:app",
        "Approvals: one case for each plan that needs the approval of an authority.",
    ),
    "events": ("lowsky.cli.events.events:app", "Events of all services."),
    "identifiers": ("lowsky.cli.register.identifiers:schemes", "Schemes of identifiers of operators and aircraft."),
    "token": ("lowsky.cli.session.token:token", "Print a development token of the local stack."),
}
"""Where each command is, and its line in the help: a module is imported once its command is used."""

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


class Root(Listing):
    """`lowsky` itself."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        args = hoist(args)
        ctx.meta["lowsky.form"] = wanted_format(args)
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: Any) -> list[str]:
        return [*COMMANDS, *(() if missing_for_local_stack() else sorted(_extras()))]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in COMMANDS:
            where, text = COMMANDS[cmd_name]
            return stub(cmd_name, text) if lists(ctx) else _own(cmd_name, where, text)
        if (extra := _extras().get(cmd_name)) is None:
            return None
        return _extra(cmd_name, extra, only_listed=lists(ctx))

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


def _own(name: str, where: str, text: str) -> Any:
    module, _, attribute = where.partition(":")
    what = getattr(import_module(module), attribute)
    return Group(what, name, text) if isinstance(what, typer.Typer) else command(name, what)


def _extra(name: str, point: EntryPoint, *, only_listed: bool) -> Any:
    """The command of an extra, loaded on demand; a hint instead if the extra is not installed."""
    if lacking := missing_for_local_stack():
        made = typer.Typer(add_completion=False, rich_markup_mode=None)
        made.command(name, help="Needs an extra: pip install 'lowsky[local]'.", context_settings=_ANYTHING)(
            _missing(name, lacking)
        )
        return typer.main.get_command(made)
    function = point.load()
    return stub(name, function.__doc__ or "") if only_listed else command(name, function)


_ANYTHING = {"allow_extra_args": True, "ignore_unknown_options": True}


def _missing(name: str, lacking: str) -> Any:
    def hint() -> None:
        raise Problem(
            "EXTRA_NOT_INSTALLED",
            f"`lowsky {name}` runs a whole installation on this machine and needs more than the client ({lacking})",
            Exit.UNEXPECTED,
            "pip install 'lowsky[local]'",
        )

    return hint
