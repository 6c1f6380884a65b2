"""Prints results on stdout as tables or JSON, and everything else on stderr."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

import typer

from lowsky.cli import streams
from lowsky.cli.deferred import deferred
from lowsky.cli.exits import Exit
from lowsky.cli.problems import Problem

if TYPE_CHECKING:
    from google.protobuf import json_format
    from google.protobuf.message import Message
    from rich import box, console
    from rich import table as rich_table
    from rich import text as rich_text
    from rich.console import Console, RenderableType
    from rich.table import Table
else:
    box = deferred("rich.box")
    console = deferred("rich.console")
    rich_table = deferred("rich.table")
    rich_text = deferred("rich.text")
    json_format = deferred("google.protobuf.json_format")


SENT = "sent, the server is reading"


class Format(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"


class Output:
    """Prints for people or for programs. Without a terminal there are no animations and no colours."""

    def __init__(self, form: Format = Format.TABLE) -> None:
        self.form = form
        self.changed = False
        """Whether the command changes stored data: then the exit code reports the result of the change, whether or not
        it could be printed."""

    # Titles and texts come from others: markup in them is not interpreted.
    @cached_property
    def out(self) -> Console:
        """Standard output."""
        return console.Console(markup=False, emoji=False, highlight=False)

    @cached_property
    def err(self) -> Console:
        """Standard error."""
        return console.Console(stderr=True, markup=False, emoji=False, highlight=False)

    @property
    def json(self) -> bool:
        return self.form is Format.JSON

    def show(self, message: Message, table: Callable[[], Iterable[RenderableType]]) -> None:
        """Prints one result: the message as protobuf JSON, or the output of `table`."""
        if self.json:
            self.document(json_format.MessageToDict(message), indent=2)
        else:
            for part in table():
                self.out.print(part)

    def line(self, document: Message | dict[str, Any], text: Callable[[], RenderableType]) -> None:
        """Prints one item of a stream as a line of NDJSON or text. Ends the command once the reader has exited."""
        if self.json:
            self.document(json_format.MessageToDict(document) if not isinstance(document, dict) else document)
        else:
            self.out.print(text(), soft_wrap=True)
        sys.stdout.flush()
        if streams.lost() is not None:
            raise typer.Exit(Exit.OK if streams.reader_left() else Exit.UNEXPECTED)

    def document(self, document: Mapping[str, Any], *, aside: bool = False, indent: int | None = None) -> None:
        """Prints a document as JSON; with aside on standard error."""
        stream = sys.stderr if aside else sys.stdout
        text = json.dumps(document, ensure_ascii=not streams.encodes_everything(stream), indent=indent)
        stream.write(text + "\n")
        stream.flush()

    def say(self, text: str, style: str = "") -> None:
        """Prints a remark; omitted for programs, which read JSON."""
        if not self.json:
            self.err.print(rich_text.Text(clean(text), style=style), soft_wrap=True)

    def warn(self, text: str) -> None:
        """Prints a warning, for people and programs."""
        if self.json:
            self.document({"warning": text}, aside=True)
        else:
            self.err.print(rich_text.Text(text, style="bold yellow"), soft_wrap=True)

    def problem(self, problem: Problem) -> None:
        """Prints a problem."""
        if self.json:
            self.document(problem.document(), aside=True)
            return
        line = rich_text.Text.assemble((f"{problem.reason}: ", "bold red"), clean(problem.message))
        self.err.print(line, soft_wrap=True)
        for entry in problem.fields:
            if entry["message"] != problem.message:
                self.err.print(f"  {clean(entry['field'])}: {clean(entry['message'])}", soft_wrap=True)
            else:
                self.err.print(f"  at {clean(entry['field'])}", soft_wrap=True)
        for name, value in problem.metadata.items():
            self.err.print(f"  {clean(name)}: {clean(value)}", soft_wrap=True)
        if problem.advice:
            self.err.print(rich_text.Text(f"→ {problem.advice}", style="cyan"), soft_wrap=True)

    @contextlib.contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """A spinner on a terminal, one line elsewhere."""
        if self.json:
            yield
        elif self.err.is_terminal:
            with self.err.status(text):
                yield
        else:
            self.say(f"{text} ...")
            yield

    @contextlib.contextmanager
    def transfer(self, text: str) -> Iterator[Callable[[int, int], None]]:
        """A progress bar on a terminal, called with bytes done and total bytes; then it shows that the server is
        working."""
        if self.json or not self.err.is_terminal:
            self.say(f"{text} ...")
            yield lambda done, total: self.say(SENT) if done == total else None
            return
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn  # slow to import, rarely needed

        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
        with Progress(*columns, console=self.err, transient=True) as progress:
            task = progress.add_task(text)
            yield lambda done, total: progress.update(
                task, completed=done, total=total, description=SENT if done == total else text
            )


def clean(text: str) -> str:
    """Without control characters, which could move the cursor or recolour the screen."""
    return "".join(char if char.isprintable() or char in "\n\t" else "�" for char in text)


def table(*headings: str, title: str | None = None, whole: Collection[str] = ()) -> Table:
    """A table that stays readable at 80 columns: long cells are folded, never cut.

    Args:
        whole: Headings of columns of names and numbers, which people copy: their lines are not folded.
    """
    made = rich_table.Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False, padding=(0, 1))
    for heading in headings:
        made.add_column(heading, overflow="fold", no_wrap=heading in whole)
    return made


def row(into: Table, *cells: str) -> None:
    """Adds a row of texts from others."""
    into.add_row(*(clean(cell) for cell in cells))


def facts(**pairs: str) -> Table:
    """A resource as name and value; empty values are left out."""
    made = rich_table.Table(box=None, show_header=False, pad_edge=False, padding=(0, 1))
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in pairs.items():
        if value:
            made.add_row(name.replace("_", " "), clean(value))
    return made
