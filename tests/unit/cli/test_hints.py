"""Commands that hints and help name exist, with the options that they name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import typer

from lowsky.cli.main import app
from lowsky.cli.problems import ADVICE

SOURCES = Path(str(files("lowsky.cli")))
_NAMED = re.compile(r"`lowsky ([^`]+)`|(?:^|[:,] )lowsky ([a-z][^,;.…]*)", re.MULTILINE)
_PLAIN_INSTALL_LACKS = {"up", "down", "status", "restart", "demo"}


def texts() -> Iterator[tuple[str, str]]:
    for file in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "lowsky " in node.value:
                yield f"{file.relative_to(SOURCES)}:{node.lineno}", node.value


def hints() -> list[tuple[str, str]]:
    found = []
    for where, text in texts():
        for match in _NAMED.finditer(text):
            words = (match[1] or match[2]).strip()
            if words.split()[0].strip("()") not in _PLAIN_INSTALL_LACKS:
                found.append((where, words))
    return found


def fault(words: str) -> str:
    """Why a command line cannot be typed as it stands; empty if it can."""
    command: Any = typer.main.get_command(app)
    context: Any = command.make_context("lowsky", [], resilient_parsing=True)
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    for word in words.split():
        if word.startswith("-"):
            break
        if not hasattr(command, "get_command"):
            continue
        for name in word.split("|"):
            inner = command.get_command(context, name)
            if inner is None:
                return f"{command.name} has no command {name!r}"
        command, context = inner, typer.Context(inner, parent=context)
    options |= {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    return ", ".join(f"no option {word}" for word in re.findall(r"(?<!\S)--[a-z-]+", words) if word not in options)


def test_hints_are_found() -> None:
    assert len(hints()) >= 10


@pytest.mark.parametrize(("where", "words"), hints(), ids=lambda text: text[:60])
def test_a_command_that_a_hint_names_can_be_typed(where: str, words: str) -> None:
    assert fault(words) == "", where


def test_a_journal_of_another_run_says_what_to_do() -> None:
    for option in re.findall(r"--[a-z]+", ADVICE["JOURNAL_OF_ANOTHER"]):
        assert fault(f"plan submit-many SOURCE {option} FILE") == ""
    assert "--journal" in ADVICE["JOURNAL_OF_ANOTHER"]


def test_the_check_notices_a_missing_command_and_a_missing_option() -> None:
    assert fault("mission submit")
    assert fault("operators update NAME --insurance-until TIME") == ""
    assert fault("operators update NAME --insured TIME")
