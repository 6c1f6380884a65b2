"""`lowsky` in processes of their own that do not import it anew: one process imports it and forks another for each run.

    python -m tests.support.forked_command

reads runs from its standard input, a JSON object in each line, and answers each with a line that holds its exit code.
Starting the interpreter and importing the command takes longer than most commands do, and tests run hundreds of them.
"""

from __future__ import annotations

import asyncio
import gc
import io
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

from lowsky.cli.main import main
from lowsky.cli.root import COMMANDS

RUN_S_MAX = 60.0


@dataclass(slots=True)
class ForkedCommand:
    """The process that forks, seen from the tests. Runs are done one after another."""

    process: asyncio.subprocess.Process
    turn: asyncio.Lock

    @classmethod
    async def start(cls) -> ForkedCommand:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.support.forked_command",
            cwd=Path(__file__).parents[2],
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        return cls(process, asyncio.Lock())

    async def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], folder: Path, out: Path, err: Path
    ) -> int:
        """Runs the command in a folder, with its output in two files; returns the exit code."""
        asked = [list(arguments), dict(environment), str(folder), str(out), str(err)]
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        async with self.turn, asyncio.timeout(RUN_S_MAX):
            self.process.stdin.write(json.dumps(asked).encode() + b"\n")
            return int(await self.process.stdout.readline())

    async def stop(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        await self.process.wait()


def serve() -> None:
    """Until the end of the standard input."""
    _import_everything()
    gc.freeze()
    for line in sys.stdin.buffer:
        pid = os.fork()
        if pid == 0:
            _become(*json.loads(line))
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        sys.stdout.write(f"{code}\n")
        sys.stdout.flush()


def _import_everything() -> None:
    """All commands, and what they import on first use."""
    waiting = {where.partition(":")[0] for where, _ in COMMANDS.values()}
    done: set[str] = set()
    while waiting - done:
        for name in waiting - done:
            done.add(name)
            parts = vars(import_module(name)).values()
            waiting |= {part.__name__ for part in parts if isinstance(part, ModuleType)}


def _become(arguments: list[str], environment: dict[str, str], folder: str, out: str, err: str) -> None:
    """Makes this process one that was started as the run says, and ends it."""
    code: object = 1
    try:
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        time.tzset()
        for number, path, flags in ((0, os.devnull, os.O_RDONLY), (1, out, os.O_WRONLY), (2, err, os.O_WRONLY)):
            opened = os.open(path, flags | os.O_CREAT | os.O_TRUNC if number else flags, 0o600)
            os.dup2(opened, number)
            os.close(opened)
        encoding = environment.get("PYTHONIOENCODING", "utf-8")
        sys.stdin, sys.stdout, sys.stderr = (
            io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), encoding=encoding),
            io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w", closefd=False)), encoding=encoding),
            io.TextIOWrapper(
                io.BufferedWriter(io.FileIO(2, "w", closefd=False)),
                encoding=encoding,
                errors="backslashreplace",
                line_buffering=True,
            ),
        )
        sys.argv = ["lowsky", *arguments]
        main()
        code = 0
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # as the interpreter does: it is shown, and the run has failed
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)


if __name__ == "__main__":
    serve()
