"""Results of many flights: counted, shown as progress, and summarised."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lowsky.cli.deferred import deferred
from lowsky.cli.exits import Exit
from lowsky.cli.output import Output, clean
from lowsky.cli.plans.sources import Place, Source
from lowsky.cli.problems import Problem

if TYPE_CHECKING:
    from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
    from lowsky.cli.plans import plan_views
else:
    pb = deferred("lowsky.api.flightplans.v1.flight_plans_pb2")
    plan_views = deferred("lowsky.cli.plans.plan_views")


REASONS_MAX = 10
"""Number of reasons shown for flights not accepted: the answers file has all."""

LINE_EACH_S, BAR_EACH_S = 5.0, 0.2


@dataclass(slots=True)
class Tally:
    """Counts flights by result."""

    dry_run: bool
    submitted: int = 0
    """Accepted for a decision; in a dry run, those that would be."""
    rejected: int = 0
    """Stored, and rejected by a check."""
    refused: int = 0
    """Refused with an error: nothing was stored."""
    unread: int = 0
    """Never sent: lines and files that are not a flight."""
    done_before: int = 0
    rejected_before: int = 0
    """Of those."""
    reasons: list[str] = field(default_factory=list)

    def plan(self, place: Place, plan: pb.FlightPlan, moves: list[pb.Alternative]) -> None:
        """Counts a plan that was answered."""
        if plan.state != pb.STATE_REJECTED and not (
            self.dry_run and plan_views.exit_of_check(plan) is Exit.PLAN_REJECTED
        ):
            self.submitted += 1
            return
        self.rejected += 1
        because = plan.state_reason or next((finding.message for finding in plan.findings), "")
        instead = "".join(f"; would pass {plan_views.move_text(move)}" for move in moves)
        self._because(f"{place}: rejected: {because}{instead}")

    def refuse(self, place: Place, problem: Problem) -> None:
        """Counts a plan that the service refused with an error."""
        self.refused += 1
        self._because(_text(place, problem))

    def cannot_read(self, place: Place, problem: Problem) -> None:
        """Counts a line or a file that is not a flight."""
        self.unread += 1
        self._because(_text(place, problem))

    def skip(self, state: str) -> None:
        """Counts a plan of an earlier run."""
        self.done_before += 1
        self.rejected_before += state == "STATE_REJECTED"

    @property
    def not_accepted(self) -> int:
        """Flights of this run that were not accepted, each with a reason."""
        return self.rejected + self.refused + self.unread

    @property
    def exit_code(self) -> Exit:
        if self.refused or self.unread:
            return Exit.SOME_FAILED
        return Exit.PLAN_REJECTED if self.rejected or self.rejected_before else Exit.OK

    def line(self) -> str:
        """The counts in one line."""
        submitted = "would be accepted" if self.dry_run else "submitted"
        parts = [f"{self.submitted} {submitted}", f"{self.rejected} rejected", f"{self.refused} refused"]
        parts.append(f"{self.unread} unreadable")
        if self.done_before:
            rejected = f" ({self.rejected_before} of them rejected)" if self.rejected_before else ""
            parts.append(f"{self.done_before} done before{rejected}")
        return ", ".join(parts)

    def document(self) -> dict[str, Any]:
        """The counts for `--output json`."""
        return {
            "dryRun": self.dry_run,
            "submitted": self.submitted,
            "rejected": self.rejected,
            "refused": self.refused,
            "unreadable": self.unread,
            "doneBefore": self.done_before,
            "rejectedBefore": self.rejected_before,
            "firstReasons": self.reasons,
        }

    def _because(self, text: str) -> None:
        if len(self.reasons) < REASONS_MAX:
            self.reasons.append(clean(" ".join(text.split())))


@contextlib.asynccontextmanager
async def shown(tally: Tally, source: Source, output: Output) -> AsyncIterator[None]:
    """Shows progress within the block: a bar on a terminal, a line every few seconds elsewhere."""
    if output.json or not output.err.is_terminal:
        async with _each(LINE_EACH_S, lambda: output.say(tally.line())):
            yield
        return
    from rich.progress import BarColumn, Progress, TextColumn  # slow to import, rarely needed

    with Progress(BarColumn(), TextColumn("{task.description}"), console=output.err, transient=True) as progress:
        task = progress.add_task("", total=source.size)
        async with _each(BAR_EACH_S, lambda: progress.update(task, completed=source.done, description=tally.line())):
            yield


@contextlib.asynccontextmanager
async def _each(seconds: float, tell: Callable[[], None]) -> AsyncIterator[None]:
    import asyncio  # slow to import, and not needed for --help

    async def repeat() -> None:
        while True:
            await asyncio.sleep(seconds)
            tell()

    telling = asyncio.create_task(repeat())
    try:
        yield
    finally:
        telling.cancel()


def _text(place: Place, problem: Problem) -> str:
    fields = "".join(f"; {entry['field']}: {entry['message']}" for entry in problem.fields)
    return f"{place}: {problem.reason}: {problem.message}{fields}"
