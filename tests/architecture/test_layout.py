"""The house stays easy to find one's way in: folders of a dozen modules, files that are read in one go."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.contract import ROOT

FOLDERS = ("services", "shared", "deploy/local")
MODULES_MAX = 12
LINES_MAX = 380
"""Files aim at 300; a few that belong together have some more."""


def modules(folder: Path) -> list[Path]:
    return [file for file in folder.glob("*.py") if file.name != "__init__.py"]


@pytest.mark.parametrize("root", FOLDERS)
def test_no_folder_has_more_than_a_dozen_modules(root: str) -> None:
    folders = {file.parent for file in (ROOT / root / "lowsky").rglob("*.py")}
    counts = {str(folder.relative_to(ROOT)): len(modules(folder)) for folder in folders}
    assert {folder: count for folder, count in counts.items() if count > MODULES_MAX} == {}


@pytest.mark.parametrize("root", FOLDERS)
def test_no_module_is_too_long_to_be_read_in_one_go(root: str) -> None:
    lengths = {
        str(file.relative_to(ROOT)): len(file.read_text().splitlines())
        for file in (ROOT / root).rglob("lowsky/**/*.py")
    }
    assert {file: lines for file, lines in lengths.items() if lines > LINES_MAX} == {}


def test_every_package_says_what_it_holds() -> None:
    silent = [
        str(file.relative_to(ROOT))
        for root in FOLDERS
        for file in (ROOT / root).rglob("lowsky/**/__init__.py")
        if not file.read_text().startswith('"""') or "TODO" in file.read_text()
    ]
    assert silent == []
