"""Reasons in code are those of the contract, and come with the status code that the contract says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lowsky import errors, health
from lowsky.api.errors.v1.reasons_pb2 import Reason
from lowsky.rpc.status import code_of
from tests.architecture.contract import ROOT

DECLARED = {name.removeprefix("REASON_") for name in Reason.keys()}  # noqa: SIM118  # an enum's wrapper, not a dict
CALLERS = [ROOT / "shared/lowsky" / name for name in ("client", "cli", "missions")]
"""What runs at the caller's has reasons of its own, which are in no answer of a service."""

ERRORS = {
    name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.LowskyError)
}
BY_FIELD_AND_MESSAGE = {"field", "FieldViolation"}
"""Take the field and the message first, and then the reason."""


@dataclass(frozen=True)
class Use:
    """A reason written down in code."""

    place: str
    error: str
    reason: str


def _uses() -> Iterator[Use]:
    for file in sorted([*ROOT.glob("services/**/*.py"), *ROOT.glob("shared/**/*.py")]):
        if not any(file.is_relative_to(folder) for folder in CALLERS):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call):
                    yield from _in_call(file, node)


def _in_call(file: Path, call: ast.Call) -> Iterator[Use]:
    match call.func:
        case ast.Name(name) if name in ERRORS or name in BY_FIELD_AND_MESSAGE:
            pass
        case ast.Attribute(ast.Name("Invalid"), "field" as name):
            pass
        case ast.Attribute(ast.Call(ast.Name("super")), "__init__" as name) if file.name == "errors.py":
            pass
        case _:
            return
    position = 2 if name in BY_FIELD_AND_MESSAGE else 0
    given = call.args[position : position + 1] + [word.value for word in call.keywords if word.arg == "reason"]
    for argument in given:
        if isinstance(argument, ast.Constant) and re.fullmatch(r"[A-Z][A-Z0-9_]+", reason := str(argument.value)):
            yield Use(f"{file.relative_to(ROOT)}:{call.lineno}", name, reason)


def test_every_reason_in_code_is_declared() -> None:
    uses = list(_uses())
    assert len(uses) > 20, "the search finds no reasons any more"
    assert [use for use in uses if use.reason not in DECLARED] == []
    assert set(health._REASONS.values()) <= DECLARED


def test_every_reason_comes_with_the_code_that_the_contract_says() -> None:
    text = (ROOT / "protos/lowsky/api/errors/v1/reasons.proto").read_text()
    promised = {name: code for code, name in re.findall(r"// \[(\w+)\](?:(?!// \[).)*?REASON_(\w+) = ", text, re.S)}
    assert promised.keys() == DECLARED - {"UNSPECIFIED"}
    kinds = {"field": errors.Invalid} | ERRORS
    wrong = [
        (use, promised[use.reason])
        for use in _uses()
        if use.error in kinds
        and use.error != "FieldViolation"
        and code_of(kinds[use.error].__new__(kinds[use.error])).name != promised[use.reason]
    ]
    assert wrong == []
