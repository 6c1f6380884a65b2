"""Times at the edges of the calendar, and files in another encoding, are refused or read, never a crash."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lowsky.api.geo.v1 import geo_pb2
from lowsky.cli.airspace.area_files import area_in
from lowsky.cli.plans.many import Asked
from lowsky.cli.plans.requests import Wishes, prepare
from lowsky.cli.plans.sources import Place
from lowsky.cli.problems import Problem
from lowsky.cli.values import later, parse_time, show_time
from lowsky.client.errors import InvalidArgument, Unauthenticated
from lowsky.client.mapping_files import read_mapping
from lowsky.client.profiles import read_profile
from lowsky.client.submission.journal import Batch, Journal
from lowsky.client.tokens import FileToken

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)


def wishes_for(depart: datetime | None) -> Wishes:
    return Wishes.of_airspace(
        depart,
        buffer_m=30,
        vertical_buffer_m=10,
        time_buffer_s=60,
        return_altitude_m=None,
        reference_system=geo_pb2.REFERENCE_SYSTEM_UNSPECIFIED,
    )


@pytest.mark.parametrize("text", ["0001-01-01T00:00+08:00", "9999-12-31T23:59-08:00"])
def test_a_time_that_no_calendar_has_in_utc_is_refused(text: str) -> None:
    with pytest.raises(Problem) as caught:
        parse_time(text, "--depart")
    assert caught.value.reason == "INVALID_TIME"
    assert "between the years 1 and 9999" in caught.value.message
    assert "--depart" in caught.value.message


@pytest.mark.parametrize("text", ["2026-11-25t09:00z", "2026-11-25T09:00Z", "2026-11-25T17:00+08:00"])
def test_times_are_read_in_lower_case_too(text: str) -> None:
    assert parse_time(text, "--depart") == datetime(2026, 11, 25, 9, tzinfo=UTC)


@pytest.mark.parametrize("when", [datetime.min.replace(tzinfo=UTC), LAST])
@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York"])
def test_the_first_and_the_last_time_are_shown(when: datetime, zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert show_time(when)[:4] in ("0001", "9999", "0000")
    finally:
        monkeypatch.undo()
        time.tzset()


def test_departures_that_run_out_of_the_calendar_are_refused_one_by_one() -> None:
    wishes = wishes_for(LAST - timedelta(hours=1))
    asked = Asked(wishes, timedelta(minutes=40), suggest=False, dry_run=False)
    asked.of(Place(2), NOW)
    with pytest.raises(Problem) as caught:
        asked.of(Place(3), NOW)
    assert (caught.value.reason, "--every" in caught.value.message) == ("INVALID_TIME", True)
    with pytest.raises(Problem):
        later(LAST, timedelta(hours=2), "--before")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
async def test_every_file_that_the_command_reads_may_have_a_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    ring = [[8, 47], [9, 47], [9, 48], [8, 47]]
    area = tmp_path / "area.geojson"
    area.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}), encoding)
    assert len(area_in(area).polygons) == 1
    mapping = tmp_path / "mapping.toml"
    mapping.write_text('identifier = "ID"\nrestriction = "TYP"\n', encoding)
    assert read_mapping(mapping).identifier.property == "ID"
    profile = tmp_path / "profile.toml"
    profile.write_text('lost_link_procedure = "Return"\n', encoding)
    assert read_profile(profile).lost_link_procedure == "Return"
    token = tmp_path / "token"
    token.write_text("abc\r\n", encoding)
    assert await FileToken(token).token() == "abc"
    plan = tmp_path / "plan.json"
    plan.write_text('{"trajectory": {"departureTime": "2026-12-04t10:00:00z"}}', encoding)
    wishes = wishes_for(None)
    with pytest.raises(Problem) as caught:
        prepare(plan, wishes, NOW)
    assert caught.value.reason == "AIRCRAFT_MISSING"


async def test_a_file_that_is_no_text_says_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_bytes(b"{\x93}")
    wishes = wishes_for(None)
    with pytest.raises(Problem) as area:
        area_in(file)
    with pytest.raises(Problem) as plan:
        prepare(file, wishes, NOW)
    with pytest.raises(InvalidArgument) as mapping:
        read_mapping(file)
    with pytest.raises(InvalidArgument) as profile:
        read_profile(file)
    with pytest.raises(Unauthenticated) as token:
        await FileToken(file).token()
    for refused in (area, plan, mapping, profile, token):
        message = refused.value.message
        assert "save the file as UTF-8" in message


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_journal_that_another_program_has_saved_says_what_to_do(tmp_path: Path, encoding: str) -> None:
    """What is added to it would be in another encoding."""
    path, batch = tmp_path / "journal", Batch("flights.ndjson", {})
    with Journal(path, batch, NOW) as journal:
        journal.sent("1", "d")
    path.write_text(path.read_text(), encoding)
    with pytest.raises(InvalidArgument) as caught:
        Journal(path, batch, NOW)
    assert caught.value.reason == "JOURNAL_UNREADABLE"
    assert "save the file as UTF-8, without one" in caught.value.message
