"""Flights are read one by one; what is no flight is told with its place, and stops nothing."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from lowsky.cli.plans import sources
from lowsky.cli.plans.requests import Wishes
from lowsky.cli.plans.sources import LINE_BYTES_MAX, Entry, Folder, Lines, Unread, open_source
from lowsky.cli.problems import Problem
from tests.support.samples import PUBLIC

CASES = PUBLIC / "cases"
POWERSHELL = CASES / "submit-many-utf16le-from-powershell.ndjson"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
WISHES = Wishes.of_airspace(
    None,
    buffer_m=30,
    vertical_buffer_m=10,
    time_buffer_s=60,
    return_altitude_m=None,
    reference_system=geo_pb2.REFERENCE_SYSTEM_UNSPECIFIED,
)
FLIGHT: dict[str, Any] = {"aircraft": "operators/acme/aircraft/d1", "trajectory": {"horizontalBufferM": 30}}


async def read(source: sources.Source) -> list[Entry | Unread]:
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
        (b"\xff\xfe", "NOT_UTF8"),
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
    assert [
        len(e.content.reference) for e in entries if isinstance(e, Entry) and isinstance(e.content, pb.FlightPlan)
    ] == [10, 300_000, 20, 700_000]


def write_all(descriptor: int, content: bytes) -> None:
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


async def test_more_lines_than_allowed_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "FLIGHTS_MAX", 3)
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


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
async def test_lines_are_read_in_the_encoding_that_their_byte_order_mark_says(tmp_path: Path, encoding: str) -> None:
    """As PowerShell writes them."""
    text = "\r\n".join(json.dumps({**FLIGHT, "reference": f"Füße {n}"}, ensure_ascii=False) for n in range(3))
    entries = await lines(tmp_path, text.encode(encoding))
    plans = [entry.prepare(WISHES, NOW).plan for entry in entries if isinstance(entry, Entry)]
    assert [plan.reference for plan in plans] == ["Füße 0", "Füße 1", "Füße 2"]


async def test_lines_that_are_no_text_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="save the file as UTF-8"):
        await lines(tmp_path, json.dumps(FLIGHT).encode("utf-16-le"))


@pytest.mark.skipif(not POWERSHELL.exists(), reason=f"no cases: {POWERSHELL} is absent")
async def test_the_case_of_powershell_is_read() -> None:
    entries = [entry async for entry in open_source(str(POWERSHELL)).entries()]
    assert entries
    assert all(isinstance(entry, Entry) and isinstance(entry.content, pb.FlightPlan) for entry in entries)


def _digests(entries: Sequence[object]) -> set[str]:
    return {entry.digest for entry in entries if isinstance(entry, Entry)}


async def test_a_flight_that_is_written_otherwise_is_the_same_to_the_journal(tmp_path: Path) -> None:
    plan = {**FLIGHT, "purpose": "PURPOSE_DELIVERY"}
    others = [
        dict(reversed(plan.items())),
        {**plan, "purpose": 1},
        {**plan, "state": "STATE_APPROVED", "name": "operators/acme/flightPlans/x", "priority": "PRIORITY_UNSPECIFIED"},
    ]
    first = _digests(await lines(tmp_path, json.dumps(plan).encode()))
    for other in others:
        assert _digests(await lines(tmp_path, json.dumps(other, indent=None, separators=(",", ":")).encode())) == first
    assert _digests(await lines(tmp_path, json.dumps(plan).encode("utf-16"))) == first
    assert _digests(await lines(tmp_path, json.dumps({**plan, "purpose": 2}).encode())) != first


async def test_a_mission_that_is_saved_anew_is_the_same_to_the_journal(tmp_path: Path) -> None:
    document = {"fileType": "Plan", "version": 1, "mission": {"items": []}}
    found = []
    for n, data in enumerate(
        (
            json.dumps(document).encode(),
            json.dumps(dict(reversed(document.items())), indent=2).encode("utf-16"),
            json.dumps({**document, "version": 2}).encode(),
        )
    ):
        folder = tmp_path / str(n)
        folder.mkdir()
        (folder / "a.plan").write_bytes(data)
        found.append(_digests([entry async for entry in open_source(str(folder)).entries()]))
    assert found[0] == found[1] != found[2]
