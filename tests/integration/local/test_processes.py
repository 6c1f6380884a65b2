import os
import signal
import stat
import sys
from pathlib import Path

import pytest

from lowsky.local.errors import StackError
from lowsky.local.running import processes
from lowsky.local.running.processes import Command, Identity

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"


def test_a_process_is_its_pid_and_its_start() -> None:
    mine = processes.own_identity()
    assert processes.is_alive(mine)
    assert not processes.is_alive(Identity(mine.pid, mine.started + "1"))


def test_signals_do_not_reach_a_process_that_started_at_another_time(tmp_path: Path) -> None:
    running = processes.spawn(Command(("sleep", "600"), tmp_path / "log", {}))
    try:
        other = Identity(running.pid, "another boot:1")
        assert processes.stop(other, grace_s=0.1) is False
        processes.kill(other)
        assert processes.is_alive(running)
    finally:
        processes.kill(running)
    assert not processes.is_alive(running)


def test_a_process_that_ends_when_asked_is_not_killed(tmp_path: Path) -> None:
    running = processes.spawn(Command(("sleep", "600"), tmp_path / "log", {}))
    assert processes.stop(running, grace_s=10) is False
    assert not processes.is_alive(running)


def test_a_deaf_process_is_killed_after_its_grace_and_that_is_told(tmp_path: Path) -> None:
    running = processes.spawn(Command((sys.executable, "-c", DEAF), tmp_path / "log", {}))
    while "ready" not in processes.tail(tmp_path / "log"):
        assert processes.is_alive(running)
    assert processes.stop(running, signals=(signal.SIGTERM,), grace_s=0.2) is True
    assert not processes.is_alive(running)


def test_a_process_has_a_session_of_its_own_and_a_private_log(tmp_path: Path) -> None:
    running = processes.spawn(Command(("sleep", "600"), tmp_path / "log", {}))
    try:
        assert os.getsid(running.pid) == running.pid
        assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600
    finally:
        processes.kill(running)


def test_a_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="no-such-program"):
        processes.spawn(Command(("no-such-program",), tmp_path / "log", {}))


def test_the_exit_code_and_last_lines_of_a_finished_process_are_known(tmp_path: Path) -> None:
    command = Command((sys.executable, "-c", "print('farewell'); raise SystemExit(7)"), tmp_path / "log", {})
    assert processes.run_to_end(command, timeout_s=30) == (7, "farewell")


def test_a_process_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    code, output = processes.run_to_end(Command(("sleep", "600"), tmp_path / "log", {}), timeout_s=0.1)
    assert code != 0
    assert "killed" in output


@pytest.mark.parametrize(("lines", "shown"), [(0, ""), (2, "1\n2"), (30, "\n".join(map(str, range(16, 31))))])
def test_a_tail_is_the_last_fifteen_lines(tmp_path: Path, lines: int, shown: str) -> None:
    (tmp_path / "log").write_text("".join(f"{number}\n" for number in range(1, lines + 1)))
    assert processes.tail(tmp_path / "log") == shown


def test_a_large_log_is_set_aside_at_the_next_start(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as file:
        file.truncate(processes.LOG_BYTES_MAX + 1)
    processes.run_to_end(Command(("echo", "anew"), log, {}), timeout_s=30)
    assert log.read_text() == "anew\n"
    assert (tmp_path / "log.1").stat().st_size == processes.LOG_BYTES_MAX + 1
