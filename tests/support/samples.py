"""Sample files of our own in `tests/data`, and what its tables say is to become of each of them.

They are invented, and have the oddities of files that were published: so those are tested wherever the tests run. The
published files themselves are no part of the repository; tests read them too where they lie beside it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).parents[1] / "data"

PUBLIC = (Path(__file__).parents[2] / "../shared/data").resolve()
"""Published files that are no part of this repository: tests of them skip where the folder is absent."""

Expected = Mapping[str, Mapping[str, Any]]
"""By file name; what the values are is for the tests of a folder to say."""


def expected(folder: str) -> Expected:
    """The table of a folder.

    Raises:
        ValueError: where a file has no row, or a row no file, or the README of the folder does not name a file.
    """
    files = {path.name for path in (SAMPLES / folder).iterdir()} - {"README.md", "expected.toml"}
    table = tomllib.loads((SAMPLES / folder / "expected.toml").read_text(encoding="utf-8"))
    if files != table.keys():
        raise ValueError(f"{folder}: files and rows of expected.toml differ: {sorted(files ^ table.keys())}")
    readme = (SAMPLES / folder / "README.md").read_text(encoding="utf-8")
    if unnamed := sorted(name for name in files if f"| {name} |" not in readme):
        raise ValueError(f"{folder}: README.md has no row for {unnamed}")
    return table
