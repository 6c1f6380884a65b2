"""The exit code says what became of what was asked, however the answer could be printed."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import pytest

from lowsky.api.approvals.v1 import approvals_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from tests.unit.cli.conftest import Run, Scripted

DECIDE = ("approvals", "decide", "approvals/a", "--etag", "e", "--grant", "--reason", "fine")
TITLE = "长江物流 – Čáp 🛩"


def decided() -> approvals_pb2.DecideApprovalResponse:
    return approvals_pb2.DecideApprovalResponse(approval=approval())


def approval() -> approvals_pb2.Approval:
    return approvals_pb2.Approval(
        name="approvals/a",
        state=approvals_pb2.Approval.STATE_GRANTED,
        decisions=[approvals_pb2.Decision(authority="authorities/a", reason=TITLE)],
    )


async def lowsky(
    target: str, folder: Path, *arguments: str, stdout: int | IO[Any], stderr: int | IO[Any] = asyncio.subprocess.PIPE
) -> tuple[int, str]:
    """Exit code and standard error, of a command whose standard output goes wherever it is said."""
    names = ("REGISTRATION", "AIRSPACE", "FLIGHTPLANS", "APPROVALS")
    env: Mapping[str, str] = {f"LOWSKY_{name}": target for name in names} | {"LOWSKY_TOKEN": "secret"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "lowsky.cli.main", *arguments, cwd=folder, env=env, stdout=stdout, stderr=stderr
    )
    _, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, (err or b"").decode()


@pytest.fixture
def full_disk() -> Any:
    """A file that takes nothing any more."""
    with Path("/dev/full").open("wb") as file:
        yield file


@pytest.fixture
def closed_pipe() -> Any:
    """The writing end of a pipe that nothing reads."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@pytest.mark.parametrize("encoding", ["ascii", "gbk"])
@pytest.mark.parametrize("form", ["table", "json"])
async def test_a_change_that_was_done_ends_with_its_code_in_any_encoding(
    run: Run, services: Scripted, target: str, encoding: str, form: str
) -> None:
    services.answers["DecideApproval"] = [decided()]
    ended = await run(*DECIDE, "--output", form, at=target, PYTHONIOENCODING=encoding)
    assert (ended.code, len(services.requests["DecideApproval"])) == (0, 1), ended.err


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
async def test_nothing_of_an_answer_in_json_is_lost_to_an_encoding(
    run: Run, services: Scripted, target: str, encoding: str
) -> None:
    services.answers["DecideApproval"] = [decided()]
    ended = await run(*DECIDE, "--output", "json", at=target, PYTHONIOENCODING=encoding)
    assert ended.json["decisions"][0]["reason"] == TITLE


async def test_a_table_shows_what_its_encoding_has(run: Run, services: Scripted, target: str) -> None:
    services.answers["DecideApproval"] = [decided()]
    ended = await run(*DECIDE, at=target, PYTHONIOENCODING="ascii")
    assert "approvals/a" in ended.out
    assert ended.out.isascii()


@pytest.mark.parametrize("form", ["table", "json"])
async def test_a_change_whose_answer_nobody_reads_ends_quietly_with_its_code(
    services: Scripted, target: str, tmp_path: Path, closed_pipe: int, form: str
) -> None:
    services.answers["DecideApproval"] = [decided()]
    assert await lowsky(target, tmp_path, *DECIDE, "--output", form, stdout=closed_pipe) == (0, "")


async def test_a_refused_change_keeps_its_code_where_nobody_reads(
    services: Scripted, target: str, tmp_path: Path, closed_pipe: int
) -> None:
    plan = pb.FlightPlan(name="operators/acme/flightPlans/p", state=pb.STATE_REJECTED)
    services.answers["SubmitFlightPlan"] = [pb.SubmitFlightPlanResponse(flight_plan=plan)]
    (tmp_path / "plan.json").write_text('{"aircraft": "operators/acme/aircraft/d1", "volumes": {"volumes": [{}]}}')
    submit = ("plan", "submit", "plan.json", "--output", "json")
    code, err = await lowsky(target, tmp_path, *submit, stdout=closed_pipe, stderr=asyncio.subprocess.PIPE)
    assert code == 8, err


async def test_the_answer_of_a_change_that_finds_the_disk_full_is_on_standard_error(
    services: Scripted, target: str, tmp_path: Path, full_disk: IO[Any]
) -> None:
    services.answers["DecideApproval"] = [decided()]
    code, err = await lowsky(target, tmp_path, *DECIDE, "--output", "json", stdout=full_disk)
    assert code == 0
    said, _, answer = err.partition("\n")
    assert os.strerror(errno.ENOSPC) in said
    assert json.loads(answer)["name"] == "approvals/a"


async def test_what_was_only_read_and_finds_the_disk_full_is_not_done(
    services: Scripted, target: str, tmp_path: Path, full_disk: IO[Any]
) -> None:
    services.answers["GetApproval"] = [approvals_pb2.GetApprovalResponse(approval=approval())]
    code, err = await lowsky(target, tmp_path, "approvals", "show", "approvals/a", stdout=full_disk)
    assert code == 1
    assert "approvals/a" in err


async def test_a_change_is_done_with_every_output_closed(services: Scripted, target: str, tmp_path: Path) -> None:
    services.answers["DecideApproval"] = [decided()]
    command = " ".join((sys.executable, "-m", "lowsky.cli.main", *DECIDE))
    process = await asyncio.create_subprocess_shell(
        f"exec {command} >&- 2>&-", cwd=tmp_path, env={"LOWSKY_APPROVALS": target, "LOWSKY_TOKEN": "secret"}
    )
    assert await asyncio.wait_for(process.wait(), 60) == 0
    assert len(services.requests["DecideApproval"]) == 1


async def test_a_watch_ends_once_nobody_reads_it(
    services: Scripted, target: str, tmp_path: Path, closed_pipe: int
) -> None:
    plan = pb.FlightPlan(name="operators/acme/flightPlans/p", state=pb.STATE_APPROVED)
    services.answers["WatchFlightPlans"] = [[pb.WatchFlightPlansResponse(flight_plan=plan, resume_token="t")]]
    code, err = await lowsky(target, tmp_path, "plan", "watch", "operators/acme", stdout=closed_pipe)
    assert (code, err) == (0, "")
