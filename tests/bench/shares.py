"""Who takes the machine while something is measured, and in which files a worker spends its time."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil

PROFILE_PER_S = 200
FILES_SHOWN = 20
LIBRARIES = ("asyncpg", "aiokafka", "protovalidate")
"""Named in place of the file of ours that called them."""


class Shares:
    """CPU seconds of processes since this was made, with all that they have started."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = pids
        self._begun = time.perf_counter()
        self._before = {name: _cpu_s(pid) for name, pid in pids.items()}

    def cores(self) -> dict[str, float]:
        """Of each, how many cores' worth of time it has taken since."""
        seconds = time.perf_counter() - self._begun
        return {name: round((_cpu_s(pid) - self._before[name]) / seconds, 2) for name, pid in self._pids.items()}


def _cpu_s(pid: int) -> float:
    root = psutil.Process(pid)
    total = 0.0
    for process in [root, *root.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


async def profile(pid: int, seconds: float, folder: Path) -> dict[str, float] | None:
    """The share of a process' busy time by file: the innermost of lowsky's on the stack, or the library that it is in.

    Takes py-spy (`pip install py-spy`), which may look into other processes as root only; None where it is not there.
    """
    program = shutil.which("py-spy")
    if program is None:
        return None
    file = folder / f"profile-{pid}.txt"
    options = ("--format", "raw", "--rate", str(PROFILE_PER_S), "--duration", str(round(seconds)), "--full-filenames")
    process = await asyncio.create_subprocess_exec(
        program,
        "record",
        *options,
        "--nonblocking",
        *("--pid", str(pid), "--output", str(file)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"py-spy: {said.decode()}")
    return by_file(file.read_text())


def by_file(stacks: str) -> dict[str, float]:
    """Shares of samples: a line is `outermost;…;innermost count`, each frame `function (file:line)`."""
    samples: Counter[str] = Counter()
    for line in stacks.splitlines():
        stack, _, count = line.rpartition(" ")
        samples[_place(stack.split(";"))] += int(count)
    total = samples.total()
    return {place: round(count / total, 3) for place, count in samples.most_common(FILES_SHOWN)}


def _place(frames: list[str]) -> str:
    for frame in reversed(frames):
        file = frame.rpartition("(")[2].rpartition(":")[0]
        for library in LIBRARIES:
            if f"/{library}/" in file:
                return library
        if "/lowsky/" in file and "/site-packages/" not in file:
            return file.rpartition("/lowsky/")[2]
    return "event loop, gRPC, threads"
