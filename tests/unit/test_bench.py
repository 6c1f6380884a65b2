"""The measurements: each still imports what there is, and those that need no infrastructure still measure."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tests.bench.__main__ import LONG, SECTIONS

ROOT = Path(__file__).parents[2]
MODULES = sorted(path.stem for path in (ROOT / "tests/bench").glob("[!_]*.py"))


@pytest.mark.parametrize("module", MODULES)
def test_a_module_of_the_bench_imports_what_there_is(module: str) -> None:
    import_module(f"tests.bench.{module}")


@pytest.mark.parametrize("section", [*SECTIONS, *LONG])
def test_a_section_has_what_it_is_run_by(section: str) -> None:
    module = import_module(f"tests.bench.{section}")
    assert callable(getattr(module, "measure" if section in SECTIONS else "main"))


@pytest.mark.parametrize(
    ("section", "said"), [("geofence", "The geofence of a plan"), ("airspace_scale", "500 zones in force")]
)
def test_a_section_that_needs_no_infrastructure_measures(section: str, said: str) -> None:
    command = [sys.executable, "-m", "tests.bench", "--quick", section]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "quick: not comparable" in ended.stdout
    assert said in ended.stdout


def test_a_section_that_does_not_exist_is_refused() -> None:
    command = [sys.executable, "-m", "tests.bench", "--quick", "nothing"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 2
    assert "invalid choice" in ended.stderr
