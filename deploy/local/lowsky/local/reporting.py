"""Says what is being done: a spinner with elapsed time on a terminal, plain lines elsewhere, a log in tests."""

import contextlib
import logging
import time
from collections.abc import Iterator
from typing import Protocol

from rich.console import Console
from rich.status import Status

log = logging.getLogger("lowsky.local")


class Step(Protocol):
    """One thing in progress."""

    def detail(self, text: str) -> None:
        """What exactly happens now, e.g. the file being fetched."""


class Reporter(Protocol):
    """Where progress goes."""

    def say(self, text: str) -> None:
        """One line that stays on the screen."""

    def step(self, title: str) -> contextlib.AbstractContextManager[Step]:
        """A thing that takes a while; its end and duration are reported unless it raises."""


class Transcript:
    """Progress as a list of lines, for tests that ask what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Step]:
        self.lines.append(title)
        yield self

    def detail(self, text: str) -> None:
        self.lines.append(text)


class LogReporter:
    """Progress as log records, for tests and libraries."""

    def say(self, text: str) -> None:
        log.info(text)

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Step]:
        began = time.monotonic()
        yield self
        log.info("%s: %.1f s", title, time.monotonic() - began)

    def detail(self, text: str) -> None:
        log.debug(text)


class _SpinnerStep:
    def __init__(self, status: Status, title: str) -> None:
        self._status = status
        self._title = title
        self._detail = ""
        self._began = time.monotonic()

    def __rich__(self) -> str:
        # Rendered anew on each refresh of the spinner, so the seconds run.
        elapsed = f"{time.monotonic() - self._began:.0f} s"
        return f"{self._title} [dim]{elapsed}{' · ' + self._detail if self._detail else ''}[/dim]"

    def detail(self, text: str) -> None:
        self._detail = text.replace("[", "(").replace("]", ")")
        self._status.update(self)


class _PlainStep:
    def detail(self, text: str) -> None:
        """Details are for eyes on a terminal; a log of a build keeps the titles only."""


class ConsoleReporter:
    """Progress on a rich console; without a terminal no animation and no control codes."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Step]:
        began = time.monotonic()
        if self._console.is_terminal:
            with self._console.status(title) as status:
                spinner = _SpinnerStep(status, title)
                status.update(spinner)
                yield spinner
            self._console.print(f"[green]✓[/green] {title} [dim]{time.monotonic() - began:.1f} s[/dim]")
        else:
            self.say(f"{title} ...")
            yield _PlainStep()
            self.say(f"{title}: done in {time.monotonic() - began:.1f} s")
