"""A fleet is submitted once, whatever breaks: streams, the command itself, single lines."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from typer.testing import CliRunner

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.flightplans.v1 import flight_plans_pb2_grpc
from lowsky.cli import main
from lowsky.client import RetryPolicy
from lowsky.local.running.ports import free_port
from tests.support.polling import eventually
from tests.unit.cli.conftest import Ended, Run

AIRCRAFT = "operators/acme/aircraft/d1"
FLIGHT: dict[str, Any] = {
    "aircraft": AIRCRAFT,
    "trajectory": {"departureTime": "2026-11-25T01:00:00Z", "horizontalBufferM": 30},
}
MISSION = {
    "fileType": "Plan",
    "version": 1,
    "mission": {
        "version": 2,
        "firmwareType": 12,
        "vehicleType": 2,
        "cruiseSpeed": 15,
        "hoverSpeed": 5,
        "plannedHomePosition": [31.2, 121.5, 4],
        "items": [
            {
                "type": "SimpleItem",
                "command": command,
                "frame": 3,
                "params": [0, 0, 0, None, latitude, 121.5, 50],
                "autoContinue": True,
                "doJumpId": number,
            }
            for number, (command, latitude) in enumerate([(22, 31.2), (16, 31.21), (16, 31.22)], 1)
        ],
    },
}


class Fleet(flight_plans_pb2_grpc.FlightPlansServiceServicer):
    """Accepts each request id once and answers it as often as it comes, as the service does; fails where told to."""

    def __init__(self) -> None:
        self.accepted: dict[str, pb.SubmitFlightPlanRequest] = {}
        self.sent: Counter[str] = Counter()
        """By key."""
        self.requests: list[pb.SubmitFlightPlanRequest] = []
        self.breaks_after: list[int] = []
        """Answers after which the streams break, one after the other."""
        self.no_room_first = 0
        self.hangs_after: int | None = None
        self.denies = False
        self.outcome: Callable[[pb.SubmitFlightPlansRequest], pb.SubmitFlightPlansResponse | None] = lambda _: None

    async def SubmitFlightPlans(self, requests: Any, context: Any) -> AsyncIterator[pb.SubmitFlightPlansResponse]:
        breaks_after = self.breaks_after.pop(0) if self.breaks_after else None
        answered = 0
        if self.denies:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "not yours")
        async for message in requests:
            self.sent[message.key] += 1
            self.requests.append(message.request)
            if self.no_room_first:
                self.no_room_first -= 1
                yield error(message.key, grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", retry_ms=10)
                continue
            response = self.outcome(message) or self.accept(message)
            if answered == breaks_after:
                await context.abort(grpc.StatusCode.UNAVAILABLE, "broken")
            if answered == self.hangs_after:
                await asyncio.Event().wait()
            answered += 1
            yield response

    def accept(self, message: pb.SubmitFlightPlansRequest) -> pb.SubmitFlightPlansResponse:
        request = message.request
        if request.validate_only:
            return pb.SubmitFlightPlansResponse(key=message.key, flight_plan=pb.FlightPlan(state=pb.STATE_SUBMITTED))
        if self.accepted.setdefault(request.request_id, request) != request:
            return error(message.key, grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED")
        plan = pb.FlightPlan(name=f"operators/acme/flightPlans/{request.request_id}", state=pb.STATE_SUBMITTED)
        return pb.SubmitFlightPlansResponse(key=message.key, flight_plan=plan)

    def references(self) -> Counter[str]:
        """How often each flight was accepted."""
        return Counter(request.flight_plan.reference for request in self.accepted.values())


def error(key: str, code: grpc.StatusCode, reason: str, retry_ms: int = 0) -> pb.SubmitFlightPlansResponse:
    status = status_pb2.Status(code=code.value[0], message=f"no: {reason}")
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=reason))
    if retry_ms:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromMilliseconds(retry_ms)
        status.details.add().Pack(retry)
    return pb.SubmitFlightPlansResponse(key=key, error=status)


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


@pytest.fixture
async def target(fleet: Fleet) -> AsyncIterator[str]:
    server = grpc.aio.server()
    flight_plans_pb2_grpc.add_FlightPlansServiceServicer_to_server(fleet, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(0)


def write(folder: Path, *flights: Any) -> Path:
    """A source of flights; texts stand as they are."""
    file = folder / "flights.ndjson"
    file.write_text("".join((f if isinstance(f, str) else json.dumps(f)) + "\n" for f in flights))
    return file


def flights(count: int) -> list[dict[str, Any]]:
    return [{**FLIGHT, "reference": f"f{n}"} for n in range(count)]


def answers(folder: Path, name: str = "flights.ndjson.answers") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_each_flight_is_answered_and_another_run_asks_for_nothing(
    run: Run, fleet: Fleet, target: str, tmp_path: Path
) -> None:
    file = write(tmp_path, *flights(20), {**FLIGHT, "key": "last", "reference": "z"})
    ended = await run("plan", "submit-many", str(file), at=target)
    assert ended.code == 0, ended.err
    assert "21 submitted, 0 rejected, 0 refused, 0 unreadable" in ended.out
    assert f"answers: {file}.answers" in ended.out
    told = answers(tmp_path)
    assert {answer["key"] for answer in told} == {*map(str, range(1, 21)), "last"}
    assert all(answer["flightPlan"]["state"] == "STATE_SUBMITTED" for answer in told)
    assert {request.parent for request in fleet.requests} == {"operators/acme"}
    again = await run("plan", "submit-many", str(file), "-o", "json", at=target)
    assert (again.code, again.json["submitted"], again.json["doneBefore"]) == (0, 0, 21)
    assert set(fleet.sent.values()) == {1}
    assert len(answers(tmp_path)) == 21


async def test_equal_lines_are_two_flights(run: Run, fleet: Fleet, target: str, tmp_path: Path) -> None:
    file = write(tmp_path, FLIGHT, FLIGHT, FLIGHT)
    assert (await run("plan", "submit-many", str(file), at=target)).code == 0
    assert len(fleet.accepted) == 3


async def test_bad_lines_and_refusals_stop_nothing_and_what_is_mended_is_tried_again(
    run: Run, fleet: Fleet, target: str, tmp_path: Path
) -> None:
    def outcome(message: pb.SubmitFlightPlansRequest) -> pb.SubmitFlightPlansResponse | None:
        match message.request.flight_plan.reference:
            case "late":
                return error(message.key, grpc.StatusCode.FAILED_PRECONDITION, "START_IN_PAST")
            case "crossing":
                plan = pb.FlightPlan(name="p", state=pb.STATE_REJECTED, state_reason="another flight is in the way")
                response = pb.SubmitFlightPlansResponse(key=message.key, flight_plan=plan)
                response.alternatives.add(altitude_offset_m=30)
                return response
        return None

    fleet.outcome = outcome
    late, crossing, good = ({**FLIGHT, "reference": name} for name in ("late", "crossing", "good"))
    file = write(tmp_path, "no json", late, {**FLIGHT, "wings": 2}, crossing, good, {**good, "key": "2"})
    ended = await run("plan", "submit-many", str(file), "--suggest", at=target)
    assert ended.code == 10
    assert "1 submitted, 1 rejected, 1 refused, 3 unreadable" in ended.out
    for said in (
        "line 1: NOT_JSON",
        "line 2: START_IN_PAST: no: START_IN_PAST",
        "line 3: NO_FLIGHT_PLAN",
        "line 4: rejected: another flight is in the way; would pass 30 m higher",
        "line 6: DUPLICATE_KEY: the key '2' was given to flight 2 already",
    ):
        assert said in ended.out
    told = {answer["line"]: answer for answer in answers(tmp_path)}
    assert sorted(told) == [1, 2, 3, 4, 5, 6]
    assert told[2]["error"]["reason"] == "START_IN_PAST"
    assert told[4]["alternatives"] == [{"altitudeOffsetM": 30.0}]
    assert all(request.suggest_alternatives for request in fleet.requests)

    write(tmp_path, good, {**good, "reference": "in time"}, good, crossing, good)
    again = await run("plan", "submit-many", str(file), "--suggest", "-o", "json", at=target)
    assert again.code == 8
    assert (again.json["submitted"], again.json["doneBefore"], again.json["rejectedBefore"]) == (3, 2, 1)
    assert fleet.references() == {"good": 3, "in time": 1}


async def test_broken_streams_and_a_full_service_lose_nothing_and_double_nothing(
    run: Run, fleet: Fleet, target: str, tmp_path: Path
) -> None:
    fleet.breaks_after = [0, 7, 50]
    fleet.no_room_first = 5
    file = write(tmp_path, *flights(300))
    ended = await run("plan", "submit-many", str(file), at=target)
    assert ended.code == 0, ended.err
    assert len({answer["key"] for answer in answers(tmp_path)}) == len(answers(tmp_path)) == 300
    assert fleet.references() == {f"f{n}": 1 for n in range(300)}
    assert max(fleet.sent.values()) > 1


class Started:
    """The command under way, to be ended from outside."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @classmethod
    async def of(cls, folder: Path, target: str, *arguments: str, stdin: int = asyncio.subprocess.DEVNULL) -> Started:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("LOWSKY_")}
        return cls(
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "lowsky.cli.main", "plan", "submit-many", *arguments),
                cwd=folder,
                env={**inherited, "LOWSKY_FLIGHTPLANS": target, "LOWSKY_TOKEN": "secret"},
                stdin=stdin,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                # Whoever runs the tests in the background has them ignore it, and all that they start.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            )
        )

    async def ended(self) -> Ended:
        out, err = await asyncio.wait_for(self.process.communicate(), 60)
        assert b"Traceback" not in err, err.decode()
        return Ended(self.process.returncode or 0, out.decode(), err.decode())


@pytest.mark.parametrize(("with_signal", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)])
async def test_a_run_that_was_ended_goes_on_with_the_same_request_ids(
    run: Run, fleet: Fleet, target: str, tmp_path: Path, with_signal: signal.Signals, code: int
) -> None:
    fleet.hangs_after = 100
    file = write(tmp_path, *flights(500))
    command = await Started.of(tmp_path, target, str(file))

    async def hundred_answers() -> bool:
        written = tmp_path / "flights.ndjson.answers"
        return fleet.sent.total() > 100 and written.read_text().count("\n") >= 100

    await eventually(hundred_answers, what="a hundred answers")
    command.process.send_signal(with_signal)
    ended = await command.ended()
    assert ended.code == code
    if with_signal is signal.SIGINT:
        assert "100 submitted" in ended.out
        assert "interrupted: run the same command again to resume" in ended.err
    fleet.hangs_after = None
    again = await run("plan", "submit-many", str(file), "-o", "json", at=target)
    assert (again.code, again.json["doneBefore"], again.json["submitted"]) == (0, 100, 400)
    assert fleet.references() == {f"f{n}": 1 for n in range(500)}
    assert sorted(int(answer["key"]) for answer in answers(tmp_path)) == list(range(1, 501))
    assert max(fleet.sent.values()) == 2  # what was under way


async def test_a_torn_answer_of_a_killed_run_is_cut_off(run: Run, target: str, tmp_path: Path) -> None:
    file = write(tmp_path, *flights(2))
    await run("plan", "submit-many", str(file), at=target)
    whole = (tmp_path / "flights.ndjson.answers").read_bytes()
    (tmp_path / "flights.ndjson.answers").write_bytes(whole + b'{"key": "3", "flightPl' + b"x" * 100_000)
    await run("plan", "submit-many", str(file), at=target)
    assert (tmp_path / "flights.ndjson.answers").read_bytes() == whole


async def test_a_source_that_changed_is_refused_before_anything_of_it_is_sent(
    run: Run, fleet: Fleet, target: str, tmp_path: Path
) -> None:
    file = write(tmp_path, *flights(5))
    await run("plan", "submit-many", str(file), at=target)
    write(tmp_path, {**FLIGHT, "reference": "new"}, *flights(5))
    ended = await run("plan", "submit-many", str(file), "-o", "json", at=target)
    assert (ended.code, ended.error["reason"]) == (6, "CHANGED_SINCE_SENT")
    assert "flight 1 of the source, with the key '1'" in ended.error["message"]
    assert len(fleet.requests) == 5
    other = await run("plan", "submit-many", str(file), "--buffer", "50", "-o", "json", at=target)
    assert (other.code, other.error["reason"]) == (3, "JOURNAL_OF_ANOTHER")


async def test_flights_that_are_added_at_the_end_are_submitted(
    run: Run, fleet: Fleet, target: str, tmp_path: Path
) -> None:
    file = write(tmp_path, *flights(5))
    await run("plan", "submit-many", str(file), at=target)
    write(tmp_path, *flights(7))
    assert (await run("plan", "submit-many", str(file), at=target)).code == 0
    assert fleet.references() == {f"f{n}": 1 for n in range(7)}


async def test_without_the_journal_of_earlier_answers_nothing_is_sent(
    run: Run, fleet: Fleet, target: str, tmp_path: Path
) -> None:
    file = write(tmp_path, *flights(5))
    await run("plan", "submit-many", str(file), at=target)
    (tmp_path / "flights.ndjson.journal").unlink()
    for _ in range(2):
        ended = await run("plan", "submit-many", str(file), "-o", "json", at=target)
        assert (ended.code, ended.error["reason"]) == (3, "ANSWERS_EXIST")
    assert len(fleet.requests) == 5


async def test_a_service_that_stays_away_is_told_and_the_run_can_go_on(
    run: Run, fleet: Fleet, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path, *flights(5))
    quick = RetryPolicy(first_pause_s=0.01, pause_max_s=0.02, stream_tries_max=3)
    monkeypatch.setattr("lowsky.client.client.RetryPolicy", lambda: quick)
    command = ["--flightplans", f"127.0.0.1:{free_port()}", "plan", "submit-many", str(file)]
    invoke = partial(CliRunner().invoke, main.app, command, env={"LOWSKY_TOKEN": "secret"})
    away = await asyncio.to_thread(invoke)
    assert away.exit_code == 7, away.output
    assert f"→ run the same command again to resume; {file}.journal records what was sent" in away.stderr
    assert (await run("plan", "submit-many", str(file), at=target)).code == 0
    assert fleet.references() == {f"f{n}": 1 for n in range(5)}


async def test_a_stream_that_is_denied_ends_the_run(run: Run, fleet: Fleet, target: str, tmp_path: Path) -> None:
    fleet.denies = True
    ended = await run("plan", "submit-many", str(write(tmp_path, *flights(5))), "-o", "json", at=target)
    assert (ended.code, ended.error["message"]) == (5, "not yours")


async def test_a_dry_run_stores_nothing_and_needs_no_journal(
    run: Run, fleet: Fleet, target: str, tmp_path: Path
) -> None:
    file = write(tmp_path, *flights(3))
    for _ in range(2):
        ended = await run("plan", "submit-many", str(file), "--dry-run", at=target)
        assert (ended.code, "3 would be accepted" in ended.out) == (0, True)
    assert all(request.validate_only for request in fleet.requests)
    assert len(answers(tmp_path, "flights.ndjson.dry-run")) == 3
    assert names(tmp_path) == ["flights.ndjson", "flights.ndjson.dry-run"]
    refused = await run("plan", "submit-many", str(file), "--dry-run", "--journal", "j", "-o", "json", at=target)
    assert refused.code == 3


async def test_a_folder_of_missions_departs_one_after_the_other(
    run: Run, fleet: Fleet, target: str, tmp_path: Path
) -> None:
    folder = tmp_path / "missions"
    folder.mkdir()
    for name in ("b.plan", "a.plan"):
        (folder / name).write_text(json.dumps(MISSION))
    (folder / "c.txt").write_text("notes")
    ended = await run(
        *("plan", "submit-many", "missions", "--aircraft", AIRCRAFT, "--depart", "2026-11-25T09:00+08:00"),
        *("--every", "5m", "--purpose", "medical", "--priority", "medical"),
        at=target,
    )
    assert ended.code == 10
    assert "2 submitted, 0 rejected, 0 refused, 1 unreadable" in ended.out
    assert "c.txt: " in ended.out
    departures = [request.flight_plan.trajectory.departure_time.ToJsonString() for request in fleet.requests]
    assert departures == ["2026-11-25T01:00:00Z", "2026-11-25T01:05:00Z"]
    assert {request.flight_plan.priority for request in fleet.requests} == {assessment_pb2.PRIORITY_MEDICAL}
    told = answers(tmp_path, "missions.answers")
    assert {answer["file"] for answer in told} == {"a.plan", "b.plan", "c.txt"}
    assert any("above the take-off point" in remark for remark in told[-1]["remarks"])
    assert names(folder) == ["a.plan", "b.plan", "c.txt"]


async def test_without_a_departure_another_run_keeps_that_of_the_first(
    run: Run, fleet: Fleet, target: str, tmp_path: Path
) -> None:
    file = write(tmp_path, *({"aircraft": AIRCRAFT, "trajectory": {"horizontalBufferM": 30}} for _ in range(3)))
    fleet.outcome = lambda message: error(message.key, grpc.StatusCode.FAILED_PRECONDITION, "NO_AIRSPACE")
    assert (await run("plan", "submit-many", str(file), "--every", "30s", at=target)).code == 10
    fleet.outcome = lambda _: None
    await asyncio.sleep(1.1)  # departures are whole seconds
    assert (await run("plan", "submit-many", str(file), "--every", "30s", at=target)).code == 0
    departures = [request.flight_plan.trajectory.departure_time.seconds for request in fleet.requests]
    assert departures[:3] == departures[3:]
    assert [later - departures[0] for later in departures[:3]] == [0, 30, 60]


async def test_standard_input_is_answered_as_it_comes(fleet: Fleet, target: str, tmp_path: Path) -> None:
    command = await Started.of(tmp_path, target, "-", "--journal", "j", stdin=asyncio.subprocess.PIPE)
    assert command.process.stdin is not None
    assert command.process.stdout is not None
    for flight in flights(3):  # each is answered before the next one is written
        command.process.stdin.write(json.dumps(flight).encode() + b"\n")
        answer = json.loads(await asyncio.wait_for(command.process.stdout.readline(), 30))
        assert answer["flightPlan"]["name"] in {f"operators/acme/flightPlans/{id_}" for id_ in fleet.accepted}
    command.process.stdin.close()
    ended = await command.ended()
    assert (ended.code, "3 submitted" in ended.err, ended.out) == (0, True, "")


async def test_ctrl_c_ends_a_run_that_waits_for_standard_input(fleet: Fleet, target: str, tmp_path: Path) -> None:
    command = await Started.of(tmp_path, target, "-", stdin=asyncio.subprocess.PIPE)
    assert command.process.stdin is not None
    assert command.process.stdout is not None
    command.process.stdin.write(json.dumps(FLIGHT).encode() + b"\n")
    await asyncio.wait_for(command.process.stdout.readline(), 30)
    command.process.send_signal(signal.SIGINT)
    out = await asyncio.wait_for(command.process.wait(), 10)
    err = (await command.process.stderr.read()).decode() if command.process.stderr else ""
    assert out == 130, err
    assert "1 submitted" in err
    assert "without a journal the run cannot be resumed" in err
