"""deploy/README.md lists the settings as the configuration classes have them."""

from __future__ import annotations

import subprocess
import sys

from lowsky.local.parts.services import SERVICES
from lowsky.process.settings import settings_of
from tests.architecture.contract import ROOT

DOCUMENT = ROOT / "deploy" / "README.md"


def test_the_reference_of_the_settings_is_what_would_be_generated() -> None:
    checked = subprocess.run(
        [sys.executable, str(ROOT / "deploy" / "settings.py"), "--check"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr


def test_every_service_is_in_the_reference_with_all_that_it_reads() -> None:
    text = DOCUMENT.read_text()
    for service in SERVICES:
        assert f"`python -m {service.module}`" in text
        module = __import__(f"{service.module}.config", fromlist=["config"])
        (config,) = (
            value
            for name, value in vars(module).items()
            if name.endswith("Config") and getattr(value, "__module__", "") == module.__name__
        )
        for setting in settings_of(config):
            assert f"| `{setting.variable}` | all |" in text or any(
                line.startswith(f"| `{setting.variable}` |") and service.name in line.split("|")[2]
                for line in text.splitlines()
            ), setting.variable
