"""`lowsky plan submit-many`: the flights of a fleet on one stream, each submitted once however often it is run."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import AsyncIterator
from contextlib import aclosing, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lowsky.cli.deferred import deferred
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

if TYPE_CHECKING:
    from google.protobuf import json_format

    from lowsky import client as sdk
    from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
    from lowsky.client.submission import journal as journals
else:
    sdk = deferred("lowsky.client")
    journals = deferred("lowsky.client.submission.journal")
    pb = deferred("lowsky.api.flightplans.v1.flight_plans_pb2")
    json_format = deferred("google.protobuf.json_format")


_EVERY = re.compile(r"(\d{1,6})(s|m|h)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours"}
EVERY_MAX = timedelta(days=1)
"""Plans are accepted thirty to ninety days ahead; flights further apart are not a batch."""

HELP = f"""Submit many flights: a file with a FlightPlan message as JSON in each line (and "key", if you have one), -
for standard input, or a folder of missions.

The options have the same meaning and defaults as for `plan submit`, and fill what a flight's line leaves out: what a
line says itself stays.
Answers are written to --answers, one line of JSON each: by default SOURCE.answers (for standard input: standard
output). SOURCE.journal records what was sent: after an interruption, run the same command again, as the same caller,
within six days. Flights that are done are skipped, those that were sent get the same request id, those that were
refused are retried; none is submitted twice. The command does not wait for decisions: `plan watch` shows them. A line
has at most {LINE_BYTES_MAX // 1024} KiB, a source at most {FLIGHTS_MAX:,} flights.

Exit code 0: all submitted; 8: some rejected; 10: some refused or unreadable; 7: interrupted, run it again."""


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
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check the plans; nothing is stored.")] = False,
    answers: Annotated[
        str | None, typer.Option("--answers", metavar="FILE", help="File for the answers; - for standard output.")
    ] = None,
    journal: Annotated[
        Path | None, typer.Option("--journal", metavar="FILE", help="File that records what was sent.")
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
        session.output.warn("without --journal, an interrupted run cannot be resumed")
    with (
        closing(Answers(files.answers, resumed=files.resumed, overwrite=dry_run)) as written,
        journals.Journal(files.journal, journals.Batch(flights.name, asked.document()), datetime.now(UTC)) as kept,
    ):
        if kept.resumed:
            session.output.say(f"resuming {files.journal}, started at {show_time(kept.begun)}")
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
    """The options for all flights."""

    wishes: Wishes
    every: timedelta
    suggest: bool
    dry_run: bool

    def of(self, place: Place, begun: datetime) -> tuple[Wishes, datetime]:
        """The options for one flight, and its reference time: departures follow one another."""
        by = self.every * (place.number - 1)
        depart = self.wishes.depart
        wishes = dataclasses.replace(self.wishes, depart=depart and later(depart, by, "--every"))
        return wishes, later(begun, by, "--every")

    def document(self) -> dict[str, Any]:
        """The options for the journal, which is refused with others."""
        said = {**dataclasses.asdict(self.wishes), "every": self.every.total_seconds(), "suggest": self.suggest}
        plain: dict[str, Any] = json.loads(json.dumps(said, default=str))
        return plain


@dataclass(frozen=True, slots=True)
class _Files:
    """Files of answers and journal; None means standard output, and no journal."""

    answers: Path | None
    journal: Path | None

    @property
    def resumed(self) -> bool:
        return self.journal is not None and self.journal.exists()

    @property
    def advice(self) -> str:
        """What to do after an interruption."""
        if self.journal is None:
            return "what was answered is done; without a journal the run cannot be resumed"
        return f"run the same command again to resume; {self.journal} records what was sent"

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
    """Prints the summary; to standard error if the answers use standard output."""
    aside = files.answers is None
    if output.json:
        document = {**tally.document(), "answers": str(files.answers or STDOUT), "journal": str(files.journal or "")}
        output.document(document, aside=aside)
        return
    from rich.text import Text

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

    def __init__(
        self, session: Session, source: Source, asked: Asked, journal: journals.Journal, answers: Answers
    ) -> None:
        self.tally = Tally(asked.dry_run)
        self._session = session
        self._source = source
        self._asked = asked
        self._journal = journal
        self._answers = answers
        self._under_way: dict[str, tuple[Place, tuple[str, ...]]] = {}
        """By key: the position of each flight in the source, and the assumptions about it."""

    def run(self) -> Problem | KeyboardInterrupt | None:
        """Runs to the end; returns what interrupted it, if anything did."""
        try:
            self._session.run(self._submit)
        except KeyboardInterrupt as interrupt:
            return interrupt
        except (sdk.LowskyApiError, Problem) as error:
            return of_any(error)
        return None

    async def _submit(self, client: sdk.Client) -> None:
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
            except (Problem, sdk.InvalidArgument) as error:
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
        """The plan; None if it was submitted before."""
        done = self._journal.outcome(entry.key, entry.digest, entry.place.number)
        if done is not None:
            self.tally.skip(done.state)
            return None
        return entry.prepare(*self._asked.of(entry.place, self._journal.begun))

    def _take(self, response: pb.SubmitFlightPlansResponse) -> None:
        place, remarks = self._under_way.pop(response.key)
        document: dict[str, Any] = {"key": response.key, **place.document()}
        error = sdk.error_of(response)
        if error is not None:
            problem = of_api_error(error)
            self.tally.refuse(place, problem)
            document |= problem.document()
        else:
            self.tally.plan(place, response.flight_plan, list(response.alternatives))
            document |= json_format.MessageToDict(response)
        if remarks:
            document["remarks"] = remarks
        # The answer first: if the command is killed between the two, it is written twice rather than never.
        self._answers.write(document)
        self._journal.answered(response)


def _parse_every(text: str | None) -> timedelta:
    if text is None:
        return timedelta()
    match = _EVERY.fullmatch(text)
    every = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else timedelta()
    if not timedelta() < every <= EVERY_MAX:
        raise invalid("INVALID_TIME", f"--every {text!r} is not a time of up to a day", "write it as 30s, 5m or 1h")
    return every
