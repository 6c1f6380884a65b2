"""The command on dead letters of a real broker and a real group: listed, shown, skipped, replayed to effect once."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import pytest

from lowsky.api.events.v1 import events_pb2
from lowsky.events import consumer as consumer_module
from lowsky.events import topics
from lowsky.events.event import Event
from lowsky.events.kafka import RECORD_BYTES_MAX, Kafka
from tests.support.events import records_of
from tests.support.group_consumer import GROUP, TOPIC, Group, consuming, event, tell
from tests.support.installation import Installation
from tests.support.polling import eventually
from tests.support.raw_records import NotUtf8, send


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer_module, "RETRY_S", 0.05)


async def run(kafka: Kafka, *arguments: str) -> tuple[int, str, str]:
    """Runs `lowsky events …`; exit code, standard output and error."""
    env = {"LOWSKY_KAFKA_BOOTSTRAP": kafka.bootstrap, "LOWSKY_TOPIC_PREFIX": kafka.prefix, "LOWSKY_OUTPUT": "json"}
    argv = (sys.executable, "-m", "lowsky.cli.main", "events", *arguments)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*argv, env=env, stdout=pipe, stderr=pipe)
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def lowsky(kafka: Kafka, *arguments: str, code: int = 0) -> Any:
    """The same; the document that it printed."""
    ended, out, err = await run(kafka, *arguments)
    assert ended == code, err
    return json.loads(err if code else out)


async def letters(kafka: Kafka, *options: str) -> list[dict[str, Any]]:
    """What is listed."""
    listed: list[dict[str, Any]] = (await lowsky(kafka, "dead-letters", "list", *options))["deadLetters"]
    return listed


async def letter_of(kafka: Kafka, key: str, *, origin: str = "") -> dict[str, Any]:
    """The open dead letter of an event, once it is there."""

    async def found() -> dict[str, Any] | None:
        listed = await letters(kafka)
        return next((one for one in listed if one["event"]["key"] == key and origin in one["origin"]), None)

    letter = await eventually(found, within_s=60, what=f"the dead letter of {key}")
    assert letter is not None
    return letter


async def died(kafka: Kafka, group: Group, what: Event) -> dict[str, Any]:
    """Has an event fail; gives its dead letter."""
    group.fails = {what.value or b"": ValueError("the register was away")}
    await tell(kafka, what)
    letter = await letter_of(kafka, what.key)
    group.fails = {}
    return letter


async def test_a_dead_letter_is_listed_with_why_and_where_from_and_shown_decoded(installation: Installation) -> None:
    kafka = installation.kafka
    value = events_pb2.FlightPlanEvent()
    value.flight_plan.name = "operators/acme/flightPlans/listed"
    async with consuming(installation) as group:
        one = event(value.flight_plan.name, value.SerializeToString())
        letter = await died(kafka, group, one)
    assert letter["reason"] == "ValueError: the register was away"
    assert letter["origin"].startswith(f"{TOPIC}/0/")
    assert (letter["topic"], letter["group"], letter["state"]) == (TOPIC, GROUP, "open")
    assert (letter["event"]["type"], letter["event"]["subject"]) == (one.type, one.key)
    shown = await lowsky(kafka, "dead-letters", "show", letter["origin"])
    assert shown["event"]["data"]["flightPlan"]["name"] == one.key
    assert (await lowsky(kafka, "dead-letters", "show", f"{TOPIC}/0/999999", code=4))["error"]["reason"] == "NOT_FOUND"


async def test_a_dead_letter_that_is_skipped_is_not_open_any_more_and_keeps_its_note(
    installation: Installation,
) -> None:
    kafka = installation.kafka
    async with consuming(installation) as group:
        letter = await died(kafka, group, event("skipped/1", b"skipped"))
        await lowsky(kafka, "dead-letters", "skip", letter["origin"], "--note", "withdrawn by hand")
        assert "skipped/1" not in await group.applied()
    assert letter["origin"] not in [one["origin"] for one in await letters(kafka)]
    (kept,) = [one for one in await letters(kafka, "--all") if one["origin"] == letter["origin"]]
    assert (kept["state"], kept["note"]) == ("skipped", "withdrawn by hand")


async def test_an_event_that_is_replayed_takes_effect_once_however_often_and_in_its_group_alone(
    installation: Installation,
) -> None:
    kafka = installation.kafka
    async with consuming(installation) as group:
        letter = await died(kafka, group, event("replayed/1", b"replayed"))
        before = len(await records_of(kafka, TOPIC))
        for _ in range(3):
            assert (await lowsky(kafka, "dead-letters", "replay", letter["origin"]))["state"] == "replayed"
        await group.has_applied("replayed/1")
        # What is replayed after them has taken effect: so they have had their chance, too.
        await lowsky(kafka, "dead-letters", "replay", (await died(kafka, group, event("last/1", b"last")))["origin"])
        await group.has_applied("last/1")
        assert (await group.applied())["replayed/1"].topic == TOPIC
    assert len(await records_of(kafka, TOPIC)) == before + 1, "nobody else sees an old event again"
    assert letter["origin"] not in [one["origin"] for one in await letters(kafka)]


async def test_a_replay_that_fails_again_comes_back_as_a_new_dead_letter(installation: Installation) -> None:
    kafka = installation.kafka
    async with consuming(installation) as group:
        first = await died(kafka, group, event("again/1", b"again"))
        group.fails = {b"again": ValueError("still away")}
        await lowsky(kafka, "dead-letters", "replay", first["origin"])
        second = await letter_of(kafka, "again/1", origin=".retry/")
        assert second["replayOf"] == first["origin"]
        assert (second["topic"], second["reason"]) == (TOPIC, "ValueError: still away")
        group.fails = {}
        await lowsky(kafka, "dead-letters", "replay", second["origin"])
        await group.has_applied("again/1")


async def test_a_dead_letter_that_was_cut_is_replayed_whole(installation: Installation) -> None:
    kafka = installation.kafka
    async with consuming(installation) as group:
        large = event("large/1", b"y" * (RECORD_BYTES_MAX - 5_000))
        letter = await died(kafka, group, large)
        assert letter["leftOut"] == "value"
        await lowsky(kafka, "dead-letters", "replay", letter["origin"])
        await group.has_applied("large/1")
        assert (await group.applied())["large/1"].value == large.value


async def test_an_event_that_cannot_be_unpacked_can_be_skipped_and_not_replayed(installation: Installation) -> None:
    kafka = installation.kafka
    async with consuming(installation):
        await tell(kafka, event("poison/1"), more=[(NotUtf8("x"), b"1")])

        async def buried() -> dict[str, Any] | None:
            return next((one for one in await letters(kafka) if one.get("leftOut") == "value, headers"), None)

        letter = await eventually(buried, within_s=60, what="its dead letter")
        assert letter is not None
        refused = await lowsky(kafka, "dead-letters", "replay", letter["origin"], code=6)
        assert refused["error"]["reason"] == "UNREADABLE_EVENT"
        await lowsky(kafka, "dead-letters", "skip", letter["origin"], "--note", "written by a stranger")


async def test_the_tail_passes_over_a_record_that_cannot_be_unpacked(installation: Installation) -> None:
    kafka, topic = installation.kafka, topics.APPROVALS
    written: list[tuple[str, list[tuple[str, bytes]]]] = [("t/1", []), ("t/2", [(NotUtf8("x"), b"1")]), ("t/3", [])]
    for key, headers in written:
        await send(kafka, topic, b"", key=key.encode(), headers=headers, partition=2)
    code, out, err = await run(kafka, "tail", "--topic", "approvals", "--from-beginning", "--no-follow")
    assert code == 0, err
    documents = [json.loads(line) for line in out.splitlines()]
    assert [document["key"] for document in documents] == ["t/1", "", "t/3"]
    assert "cannot be decoded" in documents[1]["problem"]
