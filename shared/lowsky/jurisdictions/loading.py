"""Reads the data of all jurisdictions: from this package, or from the folder that LOWSKY_JURISDICTIONS names.

A jurisdiction is a folder named by its ISO 3166-1 alpha-3 code, `EU`, or `INT` for what is international. Each kind of
data is one TOML file in it; a jurisdiction that has none of a kind has no file.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

SETTING = "LOWSKY_JURISDICTIONS"

_JURISDICTION = re.compile(r"[A-Z]{3}|EU")

FILE_BYTES_MAX = 1_000_000
"""Written by hand: a larger file is not one of these."""


class BadJurisdictionData(ValueError):
    """A data file cannot be used: names the file, the key in it, and what is wrong."""

    def __init__(self, jurisdiction: str, kind: str, key: str, problem: str) -> None:
        super().__init__(f"{jurisdiction}/{kind}.toml: {f'{key}: ' if key else ''}{problem}")
        self.jurisdiction = jurisdiction
        self.key = key


def tables(kind: str) -> Mapping[str, Mapping[str, Any]]:
    """The parsed files of a kind ("identifiers"), by jurisdiction.

    Raises:
        BadJurisdictionData: A file is no TOML, or the folder is none.
    """
    root = _root()
    if not root.is_dir():
        raise BadJurisdictionData("*", kind, SETTING, f"{root} is not a folder")
    found: dict[str, Mapping[str, Any]] = {}
    for folder in sorted(root.iterdir(), key=lambda entry: entry.name):
        file = folder / f"{kind}.toml"
        if folder.is_dir() and file.is_file():
            if _JURISDICTION.fullmatch(folder.name) is None:
                raise BadJurisdictionData(folder.name, kind, "", "the folder must be an alpha-3 code, EU or INT")
            found[folder.name] = _parsed(file, folder.name, kind)
    return found


def _root() -> Traversable:
    folder = os.environ.get(SETTING)
    return Path(folder) if folder else resources.files("lowsky.jurisdictions") / "data"


def _parsed(file: Traversable, jurisdiction: str, kind: str) -> Mapping[str, Any]:
    content = file.read_bytes()
    if len(content) > FILE_BYTES_MAX:
        raise BadJurisdictionData(jurisdiction, kind, "", f"has more than {FILE_BYTES_MAX} bytes")
    try:
        return tomllib.loads(content.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadJurisdictionData(jurisdiction, kind, "", str(error)) from None
