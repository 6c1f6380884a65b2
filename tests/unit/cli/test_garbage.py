"""Whatever is thrown at the command, it says what is wrong, and never shows its insides."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lowsky.cli.main import app
from tests.unit.cli.conftest import Run

runner = CliRunner()
AIRCRAFT = ("--aircraft", "operators/acme/aircraft/d1")


def invoke(*arguments: str) -> tuple[int, str]:
    """In this process: nothing here reaches a server."""
    env = {
        "LOWSKY_FLIGHTPLANS": "127.0.0.1:1",
        "LOWSKY_AIRSPACE": "127.0.0.1:1",
        "LOWSKY_TOKEN": "t",
        "LOWSKY_STATE_DIR": "/nonexistent",
        "LOWSKY_KAFKA_BOOTSTRAP": None,  # whoever runs the tests may have set it for others
    }
    result = runner.invoke(app, list(arguments), env=env)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stderr


@pytest.mark.parametrize("suffix", [".plan", ".json", ".kml", ""])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff\xfe",
        b"{}",
        b"[]",
        b"null",
        b"{" * 5_000,
        b'{"fileType": "Plan"}',
        b"\xef\xbb\xbf{}",
        b"[" * 100_000,
    ],
)
def test_files_that_are_no_missions_are_invalid(tmp_path: Path, suffix: str, content: bytes) -> None:
    file = tmp_path / f"mission{suffix}"
    file.write_bytes(content)
    code, err = invoke("plan", "check", str(file), *AIRCRAFT)
    assert code == 3
    assert err.strip()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("plan", "check", "/nonexistent.plan", *AIRCRAFT), 3),
        (("plan", "check", "/nonexistent.json", *AIRCRAFT), 3),
        (("plan", "check", "/", *AIRCRAFT), 3),
        (("zones", "import", "/nonexistent", "--dataset", "a", "--authority", "b"), 3),
        (("zones", "import", "/", "--dataset", "a", "--authority", "b"), 3),
        (("zones", "list", "--area", "here"), 3),
        (("plan", "show", "operators/acme/plans/x"), 3),
        (("plan", "show", "x"), 3),
        (("plan", "show", "../x"), 3),
        (("plan", "list", "--state", "flying"), 3),
        (("plan", "list", "--after", "tomorrow"), 3),
        (("plan", "list", "--after", "2026-11-25T09:00"), 3),
        (("plan", "list", "--limit", "0"), 2),
        (("plan", "list", "--as", "king"), 3),
        (("plan", "list", "--as", "operator"), 3),
        (("plan", "list", "--as", "operator:acme"), 5),
        (("plan", "list", "--token-file", "/nonexistent"), 5),
        (("plan", "list", "--output", "xml"), 2),
        (("plan", "fly"), 2),
        (("nothing",), 2),
        (("operators", "get", "a b"), 3),
        (("operators", "create", "--display-name", "x", "--contact", "y", "--kind", "gang"), 3),
        (("approvals", "show", "x"), 7),
        (("events", "tail"), 7),
        (("token",), 2),
        (("token", "registrar"), 5),
    ],
)
def test_mistakes_end_with_their_code(arguments: tuple[str, ...], code: int) -> None:
    ended, err = invoke(*arguments)
    assert ended == code, err
    assert err.strip()
    ended, err = invoke(*arguments, "--output", "json") if "--output" not in arguments else (code, err)
    assert ended == code, err
    if "--output" not in arguments:
        assert json.loads(err.strip().splitlines()[-1])["error"]["message"]


@pytest.mark.parametrize("number", ["nan", "inf", "-1", "1e9", "many"])
@pytest.mark.parametrize("option", ["--buffer", "--vertical-buffer", "--time-buffer", "--endurance"])
def test_numbers_that_are_none_are_refused(tmp_path: Path, option: str, number: str) -> None:
    assert invoke("plan", "check", str(tmp_path / "x.plan"), *AIRCRAFT, option, number)[0] in (2, 3)


async def test_nothing_known_is_said_with_what_to_do(run: Run) -> None:
    ended = await run("plan", "list")
    assert ended.code == 7
    assert "lowsky up" in ended.err
    ended = await run("plan", "list", LOWSKY_FLIGHTPLANS="127.0.0.1:1")
    assert ended.code == 5
    assert "LOWSKY_TOKEN" in ended.err
    assert "--as" in ended.err


async def test_a_damaged_state_file_is_as_none(run: Run, tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('{"entries": 5}')
    assert (await run("plan", "list", LOWSKY_STATE_DIR=str(tmp_path))).code == 7
