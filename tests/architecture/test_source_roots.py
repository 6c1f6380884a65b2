"""Four source roots make up one namespace package."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.architecture.contract import ROOT

SOURCE_ROOTS = ("services", "shared", "protos/gen", "deploy/local")


@pytest.mark.parametrize("root", SOURCE_ROOTS)
def test_source_roots_have_no_init(root: str) -> None:
    """One __init__.py there would hide the other three roots."""
    assert (ROOT / root / "lowsky").is_dir()
    assert not (ROOT / root / "lowsky" / "__init__.py").exists()


def _packages() -> list[Path]:
    folders = [path for root in SOURCE_ROOTS for path in (ROOT / root / "lowsky").rglob("*") if path.is_dir()]
    return sorted(path.relative_to(ROOT) for path in folders if any(path.glob("*.py")))


@pytest.mark.parametrize("package", _packages(), ids=str)
def test_every_package_below_a_root_has_an_init(package: Path) -> None:
    assert (ROOT / package / "__init__.py").exists()


def bound_at_module_level(code: str) -> set[str]:
    """The names that a module binds by its own statements, but not within its functions and classes."""
    names: set[str] = set()
    for statement in ast.parse(code).body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            names.update(alias.asname or alias.name for alias in statement.names)
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(statement.name)
        else:
            names.update(n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
    return names


@pytest.mark.parametrize("package", _packages(), ids=str)
def test_no_package_binds_a_name_that_one_of_its_modules_has(package: Path) -> None:
    """Importing the module would bind the name anew, to the module."""
    folder = ROOT / package
    modules = {path.stem for path in folder.iterdir() if path.stem != "__init__"}
    assert bound_at_module_level((folder / "__init__.py").read_text()) & modules == set()


def test_no_two_roots_hold_the_same_package() -> None:
    names = [path.name for root in SOURCE_ROOTS for path in (ROOT / root / "lowsky").iterdir() if path.name[0] != "_"]
    assert sorted(names) == sorted(set(names))
