"""Writes the settings into deploy/README.md, from the configuration classes: run by `make settings`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from pydantic_settings import BaseSettings

from lowsky.airspace.config import AirspaceConfig
from lowsky.approvals.config import ApprovalsConfig
from lowsky.flightplans.config import FlightPlansConfig
from lowsky.process.settings import markdown_table
from lowsky.registration.config import RegistrationConfig

README = Path(__file__).parent / "README.md"
CONFIGS: dict[str, type[BaseSettings]] = {
    "registration": RegistrationConfig,
    "airspace": AirspaceConfig,
    "flightplans": FlightPlansConfig,
    "approvals": ApprovalsConfig,
}

_BETWEEN = re.compile(r"(?<=<!-- settings: )([^\n]* -->\n).*?(?=<!-- end of settings -->)", re.DOTALL)


def with_settings(text: str) -> str:
    """The document with the present settings between its markers."""
    table = markdown_table(CONFIGS.items())
    written, count = _BETWEEN.subn(lambda marker: f"{marker.group(1)}\n{table}\n\n", text)
    if count != 1:
        raise ValueError(f"{README} must have the markers of the settings once")
    return written


def main() -> int:
    """Writes the document; with --check, only says whether that would change it."""
    text = README.read_text()
    written = with_settings(text)
    if sys.argv[1:] == ["--check"]:
        if written != text:
            print("deploy/README.md does not list the settings as they are: run `make settings`", file=sys.stderr)
        return int(written != text)
    README.write_text(written)
    return 0


if __name__ == "__main__":
    sys.exit(main())
