"""Flights are read one by one; what is no flight is told with its place, and stops nothing."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lowsky.cli import plan_sources
from lowsky.cli.plan_sources import LINE_BYTES_MAX, Entry, Folder, Lines, Unread, open_source
from lowsky.cli.problems import Problem
from lowsky.cli.requests import Wishes

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
WISHES = Wishes.of_airspace(
    None, buffer_m=30, vertical_buffer_m=10, time_buffer_s=60, return_altitude_m=None, reference_system=0
)
FLIGHT: dict[str, Any] = {"aircraft": "operators/acme/aircraft/d1", "trajectory": {"horizontalBufferM": 30}}


async def read(source: plan_sources.Source) -> list[Entry | Unread]:
    return [entry async for entry in source.entries()]


async def lines(tmp_path: Path, content: bytes) -> list[Entry | Unread]:
    file = tmp_path / "flights.ndjson"
    file.write_bytes(content)
    return await read(open_source(str(file)))


def reasons(entries: list[Entry | Unread]) -> list[tuple[int, str]]:
    """Line and key, or line and reason."""
    return [(e.place.number, e.key if isinstance(e, Entry) else e.problem.reason) for e in entries]


async def test_keys_are_line_numbers_unless_given_and_blank_lines_count(tmp_path: Path) -> None:
    flight = json.dumps(FLIGHT).encode()
    keyed = json.dumps({**FLIGHT, "key": "f-7"}).encode()
    entries = await lines(tmp_path, b"\xef\xbb\xbf" + flight + b"\r\n\n" + keyed + b"\n" + flight)
    assert reasons(entries) == [(1, "1"), (3, "f-7"), (4, "4")]
    assert isinstance(entries[1], Entry)
    assert entries[1].prepare(WISHES, NOW).plan.aircraft == "operators/acme/aircraft/d1"


async def test_how_far_it_was_read_is_known_line_by_line(tmp_path: Path) -> None:
    file = tmp_path / "flights.ndjson"
    file.write_bytes(b'{"key": "a"}\n{"key": "bc"}\n{"key": "d"}')
    source = open_source(str(file))
    assert [source.done async for _ in source.entries()] == [13, 27, 39]
    assert source.size == 39


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"no json", "NOT_JSON"),
        (b"\xff\xfe", "NOT_JSON"),
        (b"[" * 100_000, "NOT_JSON"),
        (b"[1]", "NO_FLIGHT_PLAN"),
        (b'{"key": 5}', "INVALID_KEY"),
        (b'{"key": ""}', "INVALID_KEY"),
        (b'{"key": "\\ud800"}', "INVALID_KEY"),
        (b'{"key": "' + b"k" * 201 + b'"}', "INVALID_KEY"),
        (b'{"reference": "a", "reference": "b"}', "DUPLICATE_FIELD"),
        (b'{"reference": "' + b"x" * LINE_BYTES_MAX + b'"}', "LINE_TOO_LONG"),
        (b"x" * (3 * LINE_BYTES_MAX), "LINE_TOO_LONG"),
    ],
)
async def test_a_bad_line_is_told_by_its_number_and_the_next_one_is_read(
    tmp_path: Path, line: bytes, reason: str
) -> None:
    flight = json.dumps(FLIGHT).encode()
    entries = await lines(tmp_path, flight + b"\n" + line + b"\n" + flight + b"\n" + line)
    assert reasons(entries) == [(1, "1"), (2, reason), (3, "3"), (4, reason)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"wings": 2}, "NO_FLIGHT_PLAN"),
        ({"aircraft": 7}, "NO_FLIGHT_PLAN"),
        ({"trajectory": 7}, "NO_FLIGHT_PLAN"),
        ({"trajectory": {"departureTime": "tomorrow"}}, "NO_FLIGHT_PLAN"),
        ({"trajectory": {"departureTime": {}}}, "NO_FLIGHT_PLAN"),
        ({"trajectory": {"timeBuffer": "ages"}}, "NO_FLIGHT_PLAN"),
        ({"trajectory": {"waypoints": {"latitude": 1}}}, "NO_FLIGHT_PLAN"),
        ({"purpose": "PURPOSE_FUN"}, "NO_FLIGHT_PLAN"),
        ({"createTime": 10**30}, "NO_FLIGHT_PLAN"),
        ({"reference": "\ud800"}, "NO_FLIGHT_PLAN"),
        ({"aircraft": "x"}, "AIRSPACE_MISSING"),
        ({"trajectory": {}}, "AIRCRAFT_MISSING"),
    ],
)
async def test_what_is_no_plan_is_a_problem_of_its_own(tmp_path: Path, content: dict[str, Any], reason: str) -> None:
    (entry,) = await lines(tmp_path, json.dumps(content).encode())
    assert isinstance(entry, Entry)
    with pytest.raises(Problem) as caught:
        entry.prepare(WISHES, NOW)
    assert caught.value.reason == reason


async def test_a_changed_line_has_another_digest_and_an_equal_one_the_same(tmp_path: Path) -> None:
    first, second, third = await lines(tmp_path, b'{"reference": "a"}\n{"reference": "a"}\r\n{"reference": "b"}\n')
    assert isinstance(first, Entry)
    assert isinstance(second, Entry)
    assert isinstance(third, Entry)
    assert first.digest == second.digest != third.digest


async def test_lines_longer_than_a_chunk_are_put_together() -> None:
    reading, writing = os.pipe()
    content = [json.dumps({"reference": "x" * length}).encode() for length in (10, 300_000, 20, 700_000)]
    writer = asyncio.create_task(asyncio.to_thread(write_all, writing, b"\n".join(content)))
    entries = await read(Lines("-", reading, None))
    await writer
    os.close(reading)
    assert [len(e.content["reference"]) for e in entries if isinstance(e, Entry)] == [10, 300_000, 20, 700_000]


def write_all(descriptor: int, content: bytes) -> None:
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


async def test_more_lines_than_allowed_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_sources, "FLIGHTS_MAX", 3)
    with pytest.raises(Problem, match="more than 3 lines"):
        await lines(tmp_path, b'{"reference": "a"}\n' * 4)


async def test_a_folder_gives_its_files_by_name_and_what_is_no_mission_is_told(tmp_path: Path) -> None:
    for name, content in (("b.plan", "{}"), ("a.json", json.dumps(FLIGHT)), ("c.txt", "notes"), (".hidden", "")):
        (tmp_path / name).write_text(content)
    (tmp_path / "inner").mkdir()
    source = Folder(tmp_path)
    entries = await read(source)
    assert [str(entry.place) for entry in entries] == ["a.json", "b.plan", "c.txt"]
    assert (source.size, source.done) == (3, 3)
    assert isinstance(entries[0], Entry)
    assert entries[0].prepare(WISHES, NOW).plan.trajectory.horizontal_buffer_m == 30
    for entry in entries[1:]:
        assert isinstance(entry, Entry)
        with pytest.raises(Problem):
            entry.prepare(WISHES, NOW)
