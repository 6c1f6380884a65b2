"""The help of a service: what it can be configured by."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from lowsky.process.settings import markdown_table, settings_of


class Config(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="LOWSKY_", use_attribute_docstrings=True)

    pace_s: float = Field(default=2.0, gt=0, le=1_000)
    """How often
    it ``happens``."""

    where: str
    """Where it happens: here | there."""


class Other(Config):
    more: str | None = None
    """What only this one has."""


class Mute(BaseSettings):
    model_config = SettingsConfigDict(use_attribute_docstrings=True)

    silent: int = 1


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Without any setting in its environment."""
    command = [sys.executable, "-m", "lowsky.flightplans", *arguments]
    env = {"PATH": os.environ["PATH"]}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)


def test_a_setting_has_its_variable_meaning_default_and_limits() -> None:
    where, pace = settings_of(Config)
    assert (where.variable, where.default_text) == ("LOWSKY_WHERE", "required")
    assert (pace.variable, pace.meaning, pace.default_text) == ("LOWSKY_PACE_S", "How often it `happens`.", "2")
    assert pace.limits == "more than 0, at most 1 000"


def test_a_setting_that_says_nothing_of_its_meaning_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"Mute\.silent has no docstring"):
        settings_of(Mute)


def test_the_table_names_each_setting_once_and_whose_it_is() -> None:
    table = markdown_table([("one", Config), ("two", Other)]).splitlines()
    assert table[2:] == [
        "| `LOWSKY_WHERE` | all | required | Where it happens: here \\| there. |",
        "| `LOWSKY_PACE_S` | all | `2` | How often it `happens`. (more than 0, at most 1 000.) |",
        "| `LOWSKY_MORE` | two | not set | What only this one has. |",
    ]


@pytest.mark.parametrize("asked", [("--help",), ("-h",), ("migrate", "--help")])
def test_a_service_lists_its_settings_without_being_configured(asked: tuple[str, ...]) -> None:
    shown = run(*asked)
    assert (shown.returncode, shown.stderr) == (0, "")
    for said in (
        "migrate",
        "LOWSKY_DATABASE_URL (required)",
        "LOWSKY_OVERDUE_GRACE_S (300; at least 0, at most 86 400)",
    ):
        assert said in shown.stdout
    assert "PostgreSQL URL" in shown.stdout


@pytest.mark.parametrize("wrong", [("migrat",), ("migrate", "now"), ("--listen=1",)])
def test_arguments_that_it_does_not_know_are_refused_with_a_hint(wrong: tuple[str, ...]) -> None:
    refused = run(*wrong)
    assert refused.returncode == 1
    assert " ".join(wrong) in refused.stderr
    assert "--help" in refused.stderr
    assert "Traceback" not in refused.stderr
