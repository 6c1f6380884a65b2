"""What REGULATIONS.md says can be looked up: states are of the known five, and what it names is there.

The same of the paths and tests that SECURITY.md names.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.architecture.contract import ROOT

REGULATIONS, SECURITY = ROOT / "REGULATIONS.md", ROOT / "SECURITY.md"
STATES = {"met", "partial", "not yet", "not ours", "unverified"}
SHOWN = {"met", "partial"}
"""States that nobody has to take our word for."""
HEADER = ["clause", "what it asks", "state", "where", "tests"]
LAWS = {
    "(EU) 2021/664",
    "(EU) 2021/665",
    "(EU) 2021/666",
    "ASTM F3548-21",
    "EUROCAE ED-318",
    "EUROCAE ED-269",
    "Order 761",
    "MH/T 4053",
    "MH/T 4054",
}
"""One table each, by what its heading contains."""

_CODE, _LINK = re.compile(r"`([^`]+)`"), re.compile(r"\]\(([^)#\s]+)[^)]*\)")
_TEST = re.compile(r"(tests/[\w/]+\.py)::(\w+)")
_PATH = re.compile(r"(?:services|shared|protos|deploy|tests)/[\w./-]*|[\w-]+\.(?:md|toml|lock|py)")


@dataclass(frozen=True)
class Row:
    """A clause and what is said of it."""

    heading: str
    clause: str
    state: str
    where: str
    tests: str


def rows(text: str) -> Iterator[Row]:
    """Every row of every table of five columns; a line of a table that is none raises."""
    heading, columns = "", None
    for line in text.splitlines():
        if line.startswith("## "):
            heading = line.removeprefix("## ")
        if not line.startswith("|"):
            columns = None
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if columns is None:
            columns = cells
        elif columns == HEADER and not set("".join(cells)) <= {"-", ":"}:
            if len(cells) != len(HEADER):
                raise ValueError(f"{heading}: {len(cells)} cells: {line}")
            yield Row(heading, cells[0], cells[2], cells[3], cells[4])


@functools.cache
def defined_in(file: Path) -> frozenset[str]:
    """The tests that a file defines, in a class or not, by name. It is not imported: tests want what is installed."""
    nodes = ast.walk(ast.parse(file.read_text()))
    names = (node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(name for name in names if name.startswith("test_"))


def missing(text: str) -> list[str]:
    """What a document names in code or links to, and what is not there."""
    found = []
    for name in [*_CODE.findall(text), *_LINK.findall(text)]:
        if test := _TEST.fullmatch(name):
            file = ROOT / test[1]
            if not file.is_file() or test[2] not in defined_in(file):
                found.append(name)
        elif "::" in name or (_PATH.fullmatch(name) and not (ROOT / name).exists()):
            found.append(name)
    return found


def faults(text: str) -> list[str]:
    """What is wrong with a document of clauses."""
    found = missing(text)
    for row in rows(text):
        if row.state not in STATES:
            found.append(f"{row.clause}: the state {row.state!r}")
        if row.state in SHOWN and not _TEST.search(row.tests):
            found.append(f"{row.clause}: {row.state} without a test")
        if row.state in SHOWN and not any(_PATH.fullmatch(name) for name in _CODE.findall(row.where)):
            found.append(f"{row.clause}: {row.state} without a place")
    return found


def test_every_clause_has_a_known_state_and_what_is_met_names_a_test_that_is_there() -> None:
    assert faults(REGULATIONS.read_text()) == []


def test_every_regulation_has_its_table_and_each_clause_is_there_once() -> None:
    found = list(rows(REGULATIONS.read_text()))
    headings = list(dict.fromkeys(row.heading for row in found))
    assert len(headings) == len(LAWS)
    assert all(sum(law in heading for heading in headings) == 1 for law in LAWS), headings
    clauses = [(row.heading, row.clause) for row in found]
    assert len(clauses) == len(set(clauses))


def test_what_the_security_document_names_is_there() -> None:
    assert missing(SECURITY.read_text()) == []


def test_the_readme_links_to_both() -> None:
    linked = _LINK.findall((ROOT / "README.md").read_text())
    assert {REGULATIONS.name, SECURITY.name} <= set(linked)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("| 1 | It asks. | met | `services/lowsky` | `tests/conftest.py::nobody` |", "tests/conftest.py::nobody"),
        ("| 1 | It asks. | met | `services/lowsky` | `tests/nowhere.py::test_it` |", "tests/nowhere.py::test_it"),
        ("| 1 | It asks. | partial | `services/nowhere` | `{good}` |", "services/nowhere"),
        ("| 1 | It asks. | partial | [there](services/nowhere.py) | `{good}` |", "services/nowhere.py"),
        ("| 1 | It asks. | done | — | — |", "1: the state 'done'"),
        ("| 1 | It asks. | met | `services/lowsky` | — |", "1: met without a test"),
        ("| 1 | It asks. | partial | — | `{good}` |", "1: partial without a place"),
    ],
)
def test_a_mistake_is_caught(row: str, fault: str) -> None:
    good = f"tests/architecture/test_regulations.py::{test_a_mistake_is_caught.__name__}"
    table = f"## A law\n\n| {' | '.join(HEADER)} |\n|---|---|---|---|---|\n"
    fine = f"| 2 | It asks. | met | `services/lowsky` | `{good}` |\n"
    assert faults(table + fine) == []
    faulty = row.replace("{good}", good)
    assert any(fault in one for one in faults(table + fine + faulty))


def test_a_row_that_lacks_a_cell_is_not_passed_over() -> None:
    with pytest.raises(ValueError, match="4 cells"):
        list(rows(f"## A law\n| {' | '.join(HEADER)} |\n|---|\n| 1 | It asks. | met | `services/lowsky` |\n"))
