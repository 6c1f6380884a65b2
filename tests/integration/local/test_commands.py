import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from lowsky.local.commands import run_down, run_restart, run_status, run_up
from lowsky.local.parts import postgres
from lowsky.local.parts.services import Service
from lowsky.local.running import processes, state
from lowsky.local.stack import Stack

HERE = Path(__file__).parent


def _lowsky(*arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, str(HERE / "fake_command.py"), *arguments]
    return subprocess.run(argv, capture_output=True, text=True, timeout=200, stdin=subprocess.DEVNULL)


def test_up_twice_status_and_down_in_a_directory_with_a_long_name(tmp_path: Path) -> None:
    state_dir = tmp_path / ("a directory with spaces, " * 4).strip() / ("ü" * 40)
    state_dir.parent.mkdir()
    assert len(str(postgres.socket_directory(state_dir) / postgres.SOCKET_NAME).encode()) <= 103
    try:
        first = _lowsky("up", str(state_dir))
        assert first.returncode == 0, first.stdout + first.stderr
        assert "\x1b" not in first.stdout, "no control codes without a terminal"
        found = state.load(state_dir)
        assert found is not None
        assert not list(found.dead()), "they outlive the command that started them"
        assert str(found.entries["kafka"].identity.pid) in first.stdout
        assert found.endpoints["fake"] in first.stdout

        second = _lowsky("up", str(state_dir))
        assert second.returncode == 0, second.stdout + second.stderr
        assert "already runs" in second.stdout
        after = state.load(state_dir)
        assert after is not None
        assert after.entries == found.entries

        assert _lowsky("status", str(state_dir)).returncode == 0
    finally:
        down = _lowsky("down", str(state_dir))
    assert down.returncode == 0, down.stdout + down.stderr
    assert not found.any_alive()
    order = re.findall(r"^stopping (\w+) \.\.\.", down.stdout, re.MULTILINE)
    assert order == ["fake", "issuer", "kafka", "postgres"]
    assert (state_dir / "postgres" / "data" / "PG_VERSION").exists(), "the data stays"
    assert _lowsky("status", str(state_dir)).returncode == 3

    assert _lowsky("down", str(state_dir), "--purge").returncode == 0
    assert not state_dir.exists()
    assert not postgres.socket_directory(state_dir).exists()


def test_status_of_nothing_is_not_running(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_status(tmp_path / "state") == 3
    assert "nothing is up" in capsys.readouterr().out


def test_down_of_nothing_is_no_failure_and_makes_nothing(tmp_path: Path) -> None:
    assert run_down(tmp_path / "state", purge=True) == 0
    assert not (tmp_path / "state").exists()


@pytest.mark.usefixtures("on_given_servers")
def test_status_shows_the_dead_with_their_last_words_and_what_to_do_and_restarts_none(
    tmp_path: Path, fake: Service
) -> None:
    light = Stack.start(tmp_path / "state", services=(fake,))
    try:
        light.kill("fake")
        console = Console(record=True, width=200)
        assert run_status(tmp_path / "state", console=console) == 1
        text = console.export_text()
        assert "fake is dead" in text
        assert "the fake service serves" in text
        assert f"`lowsky up --state-dir {tmp_path / 'state'}` starts again what is dead" in text
        assert not light.state.entries["fake"].alive
    finally:
        light.stop()


@pytest.mark.usefixtures("on_given_servers")
def test_up_beside_a_running_stack_starts_again_what_is_dead_and_nothing_else(tmp_path: Path, fake: Service) -> None:
    light = Stack.start(tmp_path / "state", services=(fake,))
    try:
        light.kill("fake")
        console = Console(record=True, width=200)
        assert run_up(tmp_path / "state", (fake,), attach=False, console=console) == 0
        assert "started again: fake" in console.export_text()
        found = Stack.find(tmp_path / "state")
        assert found is not None
        assert not list(found.state.dead())
        assert found.state.entries["issuer"] == light.state.entries["issuer"]
        assert found.endpoints == light.endpoints
    finally:
        run_down(tmp_path / "state", console=Console(quiet=True))


@pytest.mark.usefixtures("on_given_servers")
@pytest.mark.parametrize("dead", [False, True])
def test_restart_starts_one_part_anew_whether_it_runs_or_is_dead(tmp_path: Path, fake: Service, dead: bool) -> None:
    light = Stack.start(tmp_path / "state", services=(fake,))
    try:
        if dead:
            light.kill("issuer")
        assert run_restart(tmp_path / "state", "issuer", console=Console(quiet=True)) == 0
        found = Stack.find(tmp_path / "state")
        assert found is not None
        assert found.state.entries["issuer"].alive
        assert found.state.entries["issuer"].identity != light.state.entries["issuer"].identity
        assert found.state.entries["fake"] == light.state.entries["fake"]
    finally:
        run_down(tmp_path / "state", console=Console(quiet=True))


def test_restart_of_the_database_and_of_the_broker_brings_them_back(stack: Stack) -> None:
    for name in ("postgres", "kafka"):
        assert run_restart(stack.state_dir, name, console=Console(quiet=True)) == 0
    found = Stack.find(stack.state_dir)
    assert found is not None
    assert not list(found.state.dead())
    stack.state = found.state  # its fixture stops it


@pytest.mark.usefixtures("on_given_servers")
def test_restart_of_what_is_not_there_says_what_is(tmp_path: Path, fake: Service) -> None:
    console = Console(record=True, width=200)
    assert run_restart(tmp_path / "state", "fake", console=console) == 3
    light = Stack.start(tmp_path / "state", services=(fake,))
    try:
        assert run_restart(tmp_path / "state", "weather", console=console) == 1
        assert "it runs issuer, fake" in console.export_text()
    finally:
        light.stop()


@pytest.mark.usefixtures("on_given_servers")
def test_two_starts_at_the_same_moment_make_one_stack(tmp_path: Path) -> None:
    argv = [sys.executable, str(HERE / "fake_command.py"), "up", str(tmp_path / "state")]
    both = [subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(2)]
    try:
        said = [command.communicate(timeout=200)[0] for command in both]
        assert [command.returncode for command in both] == [0, 0], said
        assert sum("already runs" in text for text in said) == 1, said
    finally:
        run_down(tmp_path / "state", console=Console(quiet=True))


@pytest.mark.usefixtures("on_given_servers")
def test_an_attached_stack_ends_with_its_command(tmp_path: Path) -> None:
    argv = [sys.executable, str(HERE / "fake_command.py"), "up", str(tmp_path / "state"), "--attach"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as command:
        assert command.stdout is not None
        for line in command.stdout:
            if "attached" in line:
                break
        found = state.load(tmp_path / "state")
        assert found is not None
        assert not list(found.dead())
        command.send_signal(signal.SIGTERM)
        command.communicate(timeout=60)
        assert command.returncode == 0
    assert not found.any_alive()


@pytest.mark.usefixtures("on_given_servers")
def test_an_interrupted_start_leaves_nothing_behind(tmp_path: Path) -> None:
    argv = [sys.executable, str(HERE / "fake_command.py"), "up", str(tmp_path / "state")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as command:
        deadline = time.monotonic() + 60
        found = None
        while found is None or not found.entries:
            assert time.monotonic() < deadline
            found = state.load(tmp_path / "state")
        command.send_signal(signal.SIGTERM)
        output, _ = command.communicate(timeout=60)
        assert command.returncode == 130, output
    assert not any(processes.is_alive(entry.identity) for entry in found.entries.values())
    assert state.load(tmp_path / "state") is None
