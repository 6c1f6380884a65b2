"""Groups of commands that are built one by one: typer builds a validator for each option, and a group has a hundred.

A group that lists its commands needs their names and help only.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.models import CommandInfo, DefaultPlaceholder

_LISTING = "lowsky.listing"
"""Set in the context while the commands are listed."""


class Listing(TyperGroup):
    """A group that lists its commands by stubs, which have a name and a help only."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Lists the commands, without building them."""
        with _listing(ctx):
            super().format_commands(ctx, formatter)


class Group(Listing):
    """The commands and groups of an app, each of which is built once it is used."""

    def __init__(self, app: typer.Typer, name: str, text: str) -> None:
        super().__init__(name=name, help=text, no_args_is_help=True, rich_markup_mode=None)
        self._commands = {_name(info): info for info in app.registered_commands}
        self._groups = {str(info.name): info.typer_instance for info in app.registered_groups}

    def list_commands(self, ctx: Any) -> list[str]:
        return [*self._commands, *self._groups]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if (info := self._commands.get(cmd_name)) is not None:
            if lists(ctx):
                return stub(cmd_name, info.help or inspect.getdoc(info.callback) or "", hidden=info.hidden)
            return typer.main.get_command_from_info(info, pretty_exceptions_short=False, rich_markup_mode=None)
        if (app := self._groups.get(cmd_name)) is not None:
            text: Any = app.info.help
            return Group(app, cmd_name, "" if isinstance(text, DefaultPlaceholder) else text or "")
        return None


def command(name: str, function: Callable[..., None]) -> Any:
    """The command of a single function."""
    made = typer.Typer(add_completion=False, rich_markup_mode=None)
    made.command(name)(function)
    return typer.main.get_command(made)


def stub(name: str, text: str, *, hidden: bool = False) -> TyperCommand:
    """A command with a name and a help only, for a list."""
    return TyperCommand(name, help=inspect.cleandoc(text), hidden=hidden, rich_markup_mode=None)


def lists(ctx: Any) -> bool:
    """Whether the commands are only listed."""
    return bool(ctx.meta.get(_LISTING))


@contextmanager
def _listing(ctx: Any) -> Iterator[None]:
    ctx.meta[_LISTING] = True
    try:
        yield
    finally:
        ctx.meta[_LISTING] = False


def _name(info: CommandInfo) -> str:
    return info.name or typer.main.get_command_name(info.callback.__name__)  # type: ignore[union-attr]  # every one has
