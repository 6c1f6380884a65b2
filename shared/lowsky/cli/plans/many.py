"""`lowsky plan submit-many`: the flights of a fleet on one stream, each asked for once however often it is run."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import AsyncIterator
from contextlib import aclosing, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from google.protobuf import json_format
from rich.text import Text

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.cli.exits import Exit
from lowsky.cli.output import Output
from lowsky.cli.plans.answers import STDOUT, Answers
from lowsky.cli.plans.options import Suggest, with_wishes
from lowsky.cli.plans.requests import Prepared, Wishes, operator_of
from lowsky.cli.plans.sources import FLIGHTS_MAX, LINE_BYTES_MAX, STDIN, Entry, Place, Source, Unread, open_source
from lowsky.cli.plans.tally import Tally, shown
from lowsky.cli.problems import Problem, invalid, of_any, of_api_error
from lowsky.cli.session.session import Session, session_of
from lowsky.cli.values import later, show_time
from lowsky.client import Client, InvalidArgument, LowskyApiError, error_of
from lowsky.client.submission.journal import Batch, Journal

_EVERY = re.compile(r"(\d{1,6})(s|m|h)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours"}
EVERY_MAX = timedelta(days=1)
"""Plans are taken for thirty to ninety days ahead; flights further apart are no batch."""

HELP = f"""Ask for many flights: a file with a FlightPlan message as JSON in each line (and "key", if you have one), -
for standard input, or a folder of missions.

The options say of every flight what `plan submit` says of one, and go before what a line says. Answers go, a line of
JSON each, to --answers: by default SOURCE.answers (of standard input: standard output). SOURCE.journal keeps what was
sent: after a break, run the same command again, as the same caller, within six days. What is done is skipped, what was
sent goes with the request id that it had, what was refused is tried again; nothing is asked for twice. Decisions are
not waited for: `plan watch` tells them. A line has {LINE_BYTES_MAX // 1024} KiB at most, a source {FLIGHTS_MAX:,}
flights.

Exit code 0: all submitted; 8: some rejected; 10: some refused or unreadable; 7: broken off, run it again."""


@with_wishes
def submit_many(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A file of lines, a folder, or -.")],
    wishes: Wishes,
    every: Annotated[
        str | None,
        typer.Option("--every", metavar="TIME", help="From one departure to the next: 30s, 5m, 1h. Default: together."),
    ] = None,
    suggest: Suggest = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only what would be found; nothing is stored.")] = False,
    answers: Annotated[
        str | None, typer.Option("--answers", metavar="FILE", help="Where answers go; - for standard output.")
    ] = None,
    journal: Annotated[
        Path | None, typer.Option("--journal", metavar="FILE", help="Where it is kept what was sent.")
    ] = None,
) -> None:
    """As HELP says."""
    session = session_of(context)
    if dry_run and journal is not None:
        raise invalid("JOURNAL_OF_DRY_RUN", "a dry run submits nothing", "leave --journal out")
    asked = Asked(wishes, _parse_every(every), suggest, dry_run)
    flights = open_source(source)
    files = _Files.of(source, answers, journal, dry_run=dry_run)
    if files.journal is None and not dry_run:
        session.output.warn("without --journal, a run that breaks off cannot be gone on with")
    with (
        closing(Answers(files.answers, resumed=files.resumed, overwrite=dry_run)) as written,
        Journal(files.journal, Batch(flights.name, asked.document()), datetime.now(UTC)) as kept,
    ):
        if kept.resumed:
            session.output.say(f"going on with {files.journal}, begun at {show_time(kept.begun)}")
        submission = _Submission(session, flights, asked, kept, written)
        end = submission.run()
    _sum_up(session.output, submission.tally, files)
    if isinstance(end, KeyboardInterrupt):
        session.output.warn(f"interrupted: {files.advice}")
        raise typer.Exit(Exit.INTERRUPTED)
    if end is not None:
        end.advice = files.advice if end.exit_code is Exit.UNAVAILABLE else end.advice
        raise end
    raise typer.Exit(submission.tally.exit_code)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of all flights."""

    wishes: Wishes
    every: timedelta
    suggest: bool
    dry_run: bool

    def of(self, place: Place, begun: datetime) -> tuple[Wishes, datetime]:
        """The same of one flight, and when it was asked: departures follow one another."""
        by = self.every * (place.number - 1)
        depart = self.wishes.depart
        wishes = dataclasses.replace(self.wishes, depart=depart and later(depart, by, "--every"))
        return wishes, later(begun, by, "--every")

    def document(self) -> dict[str, Any]:
        """For the journal, which is refused with other options."""
        said = {**dataclasses.asdict(self.wishes), "every": self.every.total_seconds(), "suggest": self.suggest}
        plain: dict[str, Any] = json.loads(json.dumps(said, default=str))
        return plain


@dataclass(frozen=True, slots=True)
class _Files:
    """Where answers and journal are; None is standard output, and no journal."""

    answers: Path | None
    journal: Path | None

    @property
    def resumed(self) -> bool:
        return self.journal is not None and self.journal.exists()

    @property
    def advice(self) -> str:
        """What to do after a break."""
        if self.journal is None:
            return "what was answered is done; there is no journal to go on with"
        return f"run the same command again to go on; {self.journal} has what was sent"

    @classmethod
    def of(cls, source: str, answers: str | None, journal: Path | None, *, dry_run: bool) -> _Files:
        beside = None if source == STDIN else Path(source).resolve()
        if answers == STDOUT or (answers is None and beside is None):
            written = None
        elif answers is not None:
            written = Path(answers)
        else:
            assert beside is not None  # noqa: S101  # as the first case has it
            written = beside.with_name(beside.name + (".dry-run" if dry_run else ".answers"))
        if journal is None and beside is not None and not dry_run:
            journal = beside.with_name(beside.name + ".journal")
        return cls(written, journal)


def _sum_up(output: Output, tally: Tally, files: _Files) -> None:
    """Beside the answers where these have standard output."""
    aside = files.answers is None
    if output.json:
        document = {**tally.document(), "answers": str(files.answers or STDOUT), "journal": str(files.journal or "")}
        output.document(document, aside=aside)
        return
    console = output.err if aside else output.out
    console.print(Text(tally.line(), style="bold"), soft_wrap=True)
    for reason in tally.reasons:
        console.print(f"  {reason}", soft_wrap=True)
    if (more := tally.not_accepted - len(tally.reasons)) > 0:
        console.print(f"  … and {more} more, see the answers", soft_wrap=True)
    if not aside:
        console.print(f"answers: {files.answers}", soft_wrap=True)


class _Submission:
    """One run."""

    def __init__(self, session: Session, source: Source, asked: Asked, journal: Journal, answers: Answers) -> None:
        self.tally = Tally(asked.dry_run)
        self._session = session
        self._source = source
        self._asked = asked
        self._journal = journal
        self._answers = answers
        self._under_way: dict[str, tuple[Place, tuple[str, ...]]] = {}
        """By key: where each flight stands, and what was assumed of it."""

    def run(self) -> Problem | KeyboardInterrupt | None:
        """Runs to the end; what broke it off, if something did."""
        try:
            self._session.run(self._submit)
        except KeyboardInterrupt as interrupt:
            return interrupt
        except (LowskyApiError, Problem) as error:
            return of_any(error)
        return None

    async def _submit(self, client: Client) -> None:
        async with (
            shown(self.tally, self._source, self._session.output),
            aclosing(client.submit_many(self._requests())) as responses,
        ):
            async for response in responses:
                self._take(response)

    async def _requests(self) -> AsyncIterator[tuple[str, pb.SubmitFlightPlanRequest]]:
        async for entry in self._source.entries():
            try:
                if isinstance(entry, Unread):
                    raise entry.problem
                prepared = self._prepared(entry)
            except (Problem, InvalidArgument) as error:
                problem = error if isinstance(error, Problem) else of_api_error(error)
                self.tally.cannot_read(entry.place, problem)
                self._answers.write({**entry.place.document(), **problem.document()})
                continue
            if prepared is None:
                continue
            self._under_way[entry.key] = (entry.place, prepared.remarks)
            self._journal.sent(entry.key, entry.digest)
            yield (
                entry.key,
                pb.SubmitFlightPlanRequest(
                    request_id=self._journal.request_id(entry.key),
                    parent=operator_of(prepared.plan),
                    flight_plan=prepared.plan,
                    validate_only=self._asked.dry_run,
                    suggest_alternatives=self._asked.suggest,
                ),
            )

    def _prepared(self, entry: Entry) -> Prepared | None:
        """The plan; None where it was submitted before."""
        done = self._journal.look(entry.key, entry.digest, entry.place.number)
        if done is not None:
            self.tally.skip(done.state)
            return None
        return entry.prepare(*self._asked.of(entry.place, self._journal.begun))

    def _take(self, response: pb.SubmitFlightPlansResponse) -> None:
        place, remarks = self._under_way.pop(response.key)
        document: dict[str, Any] = {"key": response.key, **place.document()}
        error = error_of(response)
        if error is not None:
            problem = of_api_error(error)
            self.tally.refuse(place, problem)
            document |= problem.document()
        else:
            self.tally.plan(place, response.flight_plan, list(response.alternatives))
            document |= json_format.MessageToDict(response)
        if remarks:
            document["remarks"] = remarks
        # The answer first: should the command be killed between the two, it is written twice rather than never.
        self._answers.write(document)
        self._journal.answered(response)


def _parse_every(text: str | None) -> timedelta:
    if text is None:
        return timedelta()
    match = _EVERY.fullmatch(text)
    every = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else timedelta()
    if not timedelta() < every <= EVERY_MAX:
        raise invalid("INVALID_TIME", f"--every {text!r} is no time of up to a day", "write it as 30s, 5m or 1h")
    return every
