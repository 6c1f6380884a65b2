"""What documents name is there: files, headings, tests, modules that are run."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.architecture.contract import ROOT
from tests.architecture.test_regulations import defined_in

FOLDERS = ("services", "shared", "protos", "deploy", "tests")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.md"))])

_FENCE = re.compile(r"^ *```[^\n]*\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_PATH = re.compile(rf"(?<![\w./<>*-])(?:\.ci|{'|'.join(FOLDERS)})/[\w./{{}},*<>-]*(?:::\w+)?")
_FILE_AT_ROOT = re.compile(r"[\w.-]+\.(?:md|toml|lock)|Makefile|\.[a-z][\w-]*linter")
_RUN = re.compile(r"python -m ((?:tests|lowsky)(?:\.\w+)+)")
_CHOICE, _PLACEHOLDER = re.compile(r"\{([^{}]*,[^{}]*)\}"), re.compile(r"<[^<>]*>")


def faults(folder: Path, text: str) -> list[str]:
    """What a document in a folder names, and what is not there."""
    links = [link for link in _LINK.findall(_FENCE.sub("", text)) if not re.match(r"[a-z]+:", link)]
    wrong = [link for link in links if not _is_linked(folder, link, text)]
    wrong += [name for name in _named_paths(text) if not all(_is_there(folder, one) for one in _spelt_out(name))]
    return wrong + [module for module in _RUN.findall(text) if not _is_module(module)]


def _named_paths(text: str) -> Iterator[str]:
    """Paths in code: from the root of the repository in its known folders, and files there or beside the document."""
    prose = _FENCE.sub("", text)
    for code in [*_CODE.findall(prose), *_FENCE.findall(text)]:
        yield from (found.rstrip(".,") for found in _PATH.findall(code))
    yield from (code for code in _CODE.findall(prose) if _FILE_AT_ROOT.fullmatch(code))


def _spelt_out(name: str) -> Iterator[str]:
    """`a/{b,c}` is two paths."""
    parts = _CHOICE.split(name)
    choices = [part.split(",") if place % 2 else [part] for place, part in enumerate(parts)]
    return map("".join, itertools.product(*choices))


def _is_there(folder: Path, name: str) -> bool:
    """Whether a path exists, and defines the test that stands behind `::`; `<service>` and `*` stand for any name."""
    path, _, test = name.partition("::")
    found = [*ROOT.glob(_PLACEHOLDER.sub("*", path)), *folder.glob(_PLACEHOLDER.sub("*", path))]
    return any(not test or (file.is_file() and test in defined_in(file)) for file in found)


def _is_linked(folder: Path, link: str, text: str) -> bool:
    path, _, heading = link.partition("#")
    target = folder / path
    if not target.exists():
        return False
    return not heading or heading in _anchors(target.read_text() if path else text)


def _anchors(text: str) -> set[str]:
    """Headings as links name them."""
    headings = _HEADING.findall(_FENCE.sub("", text))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _is_module(name: str) -> bool:
    roots = (".",) if name.startswith("tests.") else ("services", "shared", "deploy/local")
    places = [ROOT / root / name.replace(".", "/") for root in roots]
    return any(place.with_suffix(".py").is_file() or (place / "__main__.py").is_file() for place in places)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_what_a_document_names_is_there(document: Path) -> None:
    assert faults(document.parent, document.read_text()) == []


def test_every_guarantee_names_a_test() -> None:
    section = (ROOT / "ARCHITECTURE.md").read_text().partition("## What is guaranteed")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 10
    assert [row for row in rows if not re.search(r"`tests/[\w/]+\.py::test_\w+`", row)] == []


def test_the_layers_are_those_that_imports_are_held_to() -> None:
    section = (ROOT / "ARCHITECTURE.md").read_text().partition("## Layers")[2].partition("\n## ")[0]
    items = re.split(r"^\d+\. ", section, flags=re.MULTILINE)[1:]
    told = [re.findall(r"`(lowsky\.\w+)`", item.partition("\n\n")[0]) for item in items]
    contracts = ConfigParser()
    contracts.read(ROOT / ".importlinter")
    held = contracts["importlinter:contract:layers"]["layers"].strip().splitlines()
    assert told == [layer.split(" : ") for layer in held]


def test_documents_for_whoever_comes_are_linked_from_the_readme() -> None:
    linked = {link.partition("#")[0] for link in _LINK.findall((ROOT / "README.md").read_text())}
    assert {"ARCHITECTURE.md", "CONTRIBUTING.md", "tests/bench/README.md", "SECURITY.md", "REGULATIONS.md"} <= linked


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("[a](README.md)", "[a](NOWHERE.md)"),
        ("[a](README.md#licence)", "[a](README.md#nothing-of-that)"),
        ("`services/lowsky/airspace/main.py`", "`services/lowsky/airspace/nowhere.py`"),
        ("`shared/lowsky/{geo,events}/`", "`shared/lowsky/{geo,nowhere}`"),
        ("`services/lowsky/<service>/main.py`", "`services/lowsky/<service>/nowhere.py`"),
        ("`python protos/generate.py --check`", "`python protos/nowhere.py --check`"),
        ("```\npytest tests/unit -q\n```", "```\npytest tests/nowhere -q\n```"),
        ("`pyproject.toml`", "`nowhere.toml`"),
        ("`python -m tests.bench.recheck`", "`python -m tests.bench.nowhere`"),
        ("`python -m lowsky.airspace migrate`", "`python -m lowsky.nowhere migrate`"),
        (
            "`tests/architecture/test_documents.py::test_a_name_that_is_wrong_is_caught`",
            "`tests/architecture/test_documents.py::test_nothing`",
        ),
    ],
)
def test_a_name_that_is_wrong_is_caught(good: str, bad: str) -> None:
    assert faults(ROOT, good) == []
    assert len(faults(ROOT, bad)) == 1
