"""How far a fleet is, is said while it goes on, and programs are not bothered with it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.cli.exits import Exit
from lowsky.cli.output import Format, Output
from lowsky.cli.plans import tally as tally_module
from lowsky.cli.plans.sources import Folder, Place
from lowsky.cli.plans.tally import REASONS_MAX, Tally, shown
from lowsky.cli.problems import invalid


async def said(form: Format, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.setattr(tally_module, "LINE_EACH_S", 0.01)
    tally, heard = Tally(dry_run=False), ""
    async with shown(tally, Folder(folder), Output(form)):
        tally.plan(Place(1), pb.FlightPlan(state=pb.STATE_SUBMITTED), [])
        while form is Format.TABLE and not (heard := capsys.readouterr().err):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)  # for what must not be said
    return heard + capsys.readouterr().err


async def test_without_a_terminal_a_line_is_said_from_time_to_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (await said(Format.TABLE, tmp_path, monkeypatch, capsys)).splitlines()
    assert set(lines) == {"1 submitted, 0 rejected, 0 refused, 0 unreadable"}
    assert await said(Format.JSON, tmp_path, monkeypatch, capsys) == ""


def test_only_the_first_reasons_are_kept_and_all_are_counted() -> None:
    tally = Tally(dry_run=False)
    for number in range(1, 1_001):
        tally.cannot_read(Place(number), invalid("NOT_JSON", "no\x1b[31m\n json"))
    assert tally.not_accepted == 1_000
    assert len(tally.reasons) == REASONS_MAX
    assert tally.reasons[0] == "line 1: NOT_JSON: no\ufffd[31m json"
    assert tally.exit_code is Exit.SOME_FAILED


def test_what_was_rejected_in_an_earlier_run_counts() -> None:
    tally = Tally(dry_run=False)
    tally.skip("STATE_SUBMITTED")
    assert tally.exit_code.name == "OK"
    tally.skip("STATE_REJECTED")
    assert tally.exit_code is Exit.PLAN_REJECTED
    assert tally.line().endswith("2 done before (1 of them rejected)")


def test_in_a_dry_run_a_plan_that_something_blocks_counts_as_rejected() -> None:
    blocked = pb.FlightPlan(state=pb.STATE_SUBMITTED)
    blocked.findings.add(severity=assessment_pb2.Finding.SEVERITY_BLOCKING, message="a zone")
    tally = Tally(dry_run=True)
    tally.plan(Place(1, "a.plan"), blocked, [pb.Alternative(altitude_offset_m=-30)])
    assert tally.line().startswith("0 would be accepted, 1 rejected")
    assert tally.reasons == ["a.plan: rejected: a zone; would pass 30 m lower"]
