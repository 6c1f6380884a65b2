"""What a first start prepares on a machine: by one command at a time, and with words to act on where it cannot."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lowsky.local.directory import prepare
from lowsky.local.errors import StackError
from lowsky.local.files import writable_cache_directory
from lowsky.local.parts import jars, postgres
from lowsky.local.reporting import Transcript

USERADD = """#!/bin/sh
echo added >> {folder}/calls
(sleep 0.5; touch {folder}/known) &
"""
"""Ends before every process finds the user, as where a cache lies between."""

ID = """#!/bin/sh
test -e {folder}/known || exit 1
case "$1" in -u) echo 4711 ;; -un) echo ghost ;; esac
"""


def at_once(work: Callable[[], object], times: int) -> None:
    """Runs it in threads that begin together; raises what one of them raised."""
    barrier = threading.Barrier(times)

    def begin() -> None:
        barrier.wait()
        work()

    with ThreadPoolExecutor(times) as pool:
        for future in [pool.submit(begin) for _ in range(times)]:
            future.result()


def test_the_databases_user_is_added_once_and_known_before_anything_runs_under_it(
    tmp_path: Path, transcript: Transcript, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in (("useradd", USERADD), ("id", ID)):
        (tmp_path / name).write_text(text.format(folder=tmp_path))
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def ensure() -> None:
        postgres._ensure_system_user("ghost", transcript)
        assert (tmp_path / "known").exists()

    at_once(ensure, 4)
    assert (tmp_path / "calls").read_text() == "added\n"


def test_a_state_directory_is_made_by_many_at_once(tmp_path: Path) -> None:
    for round_ in range(30):
        at_once(lambda folder=tmp_path / str(round_): prepare(folder), 6)  # type: ignore[misc]


def test_a_cache_that_cannot_be_written_is_answered_with_what_to_set(
    transcript: Transcript, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    with pytest.raises(StackError, match=r"/proc/nowhere/lowsky.*set XDG_CACHE_HOME"):
        jars.ensure_jars(transcript)


def test_a_home_that_cannot_be_written_is_answered_with_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/proc/nowhere")
    with pytest.raises(StackError, match=r"/proc/nowhere/\.cache/lowsky.*or HOME"):
        writable_cache_directory()


def test_a_state_directory_that_cannot_be_written_is_answered_with_what_to_set() -> None:
    with pytest.raises(StackError, match=r"/proc/nowhere/state.*LOWSKY_STATE_DIR"):
        prepare(Path("/proc/nowhere/state"))
