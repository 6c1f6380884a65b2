"""Records that a fault of ours, or somebody with access to the log, has written: each concerns itself alone."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.errors import MessageSizeTooLargeError

from lowsky.events import consumer as consumer_module
from lowsky.events.dead_letters.record_format import LEFT_OUT, ORIGIN, REASON, dead_letters_of
from lowsky.events.dead_letters.store import bury
from lowsky.events.event import Event
from lowsky.events.kafka import RECORD_BYTES_MAX, Kafka
from lowsky.events.watching.resume import encode_token
from lowsky.events.watching.tail import Positions, Tail
from lowsky.events.watching.watch import Broadcast
from lowsky.health import Health
from lowsky.process.background import end
from tests.support.group_consumer import GROUP, TOPIC, consuming, event, tell
from tests.support.installation import Installation
from tests.support.polling import eventually
from tests.support.raw_records import NotUtf8, send


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer_module, "RETRY_S", 0.05)


async def dead_letters(kafka: Kafka) -> list[tuple[dict[str, bytes], bytes | None]]:
    reader = kafka.tail()
    from lowsky.events.watching.tail import assign

    await reader.start()
    try:
        partitions = await assign(reader, kafka.topic(dead_letters_of(TOPIC, GROUP)))
        await reader.seek_to_beginning()
        ends = await reader.end_offsets(partitions)
        found = []
        while [tp for tp in partitions if await reader.position(tp) < ends[tp]]:
            for records in (await reader.getmany(timeout_ms=500)).values():
                found += [(dict(record.headers), record.value) for record in records]
        return found
    finally:
        await reader.stop()


def origin_of(letter: tuple[dict[str, bytes], bytes | None]) -> str:
    return letter[0][ORIGIN].decode()


async def test_a_header_key_that_is_no_text_stops_nobody(installation: Installation, soon: None) -> None:
    kafka = installation.kafka
    async with consuming(installation) as group:
        await tell(kafka, event("k/1"))
        await tell(kafka, event("k/2"), more=[(NotUtf8("x"), b"1")])
        await tell(kafka, event("k/3"))
        await group.has_applied("k/1", "k/3")

        async def buried() -> bool:
            return any(letter[0].get(LEFT_OUT) == b"value, headers" for letter in await dead_letters(kafka))

        await eventually(buried)
        assert group.consumer.part not in group.health.problems


async def test_a_record_that_is_no_event_is_buried_with_its_reason(installation: Installation, soon: None) -> None:
    kafka = installation.kafka
    async with consuming(installation) as group:
        await send(kafka, TOPIC, b"garbage", key=b"garbage", partition=0)
        await tell(kafka, event("g/1"))
        await group.has_applied("g/1")

        async def buried() -> bool:
            return any(b"not a CloudEvent" in letter[0][REASON] for letter in await dead_letters(kafka))

        await eventually(buried)


async def test_a_dead_letter_that_would_be_too_large_is_cut_and_holds_up_nobody(
    installation: Installation, soon: None
) -> None:
    kafka = installation.kafka
    async with consuming(installation) as group:
        large = event("large", b"x" * (RECORD_BYTES_MAX - 5_000))
        group.fails = {large.value or b"": ValueError("a fault")}
        await tell(kafka, large)
        await tell(kafka, event("l/1"))
        await group.has_applied("l/1")

        async def buried() -> bool:
            return any(letter[0].get(LEFT_OUT) == b"value" for letter in await dead_letters(kafka))

        await eventually(buried)
        (letter,) = [letter for letter in await dead_letters(kafka) if letter[0].get(LEFT_OUT) == b"value"]
        assert letter[1] is None
        assert origin_of(letter).startswith(kafka.topic(TOPIC) + "/0/")
        assert letter[0]["ce_id"] == large.id.encode()


@pytest.mark.parametrize(
    "fault",
    [OSError("no such file"), TimeoutError("of another part"), KeyError("a fault")],
    ids=lambda f: type(f).__name__,
)
async def test_a_fault_of_ours_is_no_outage(installation: Installation, soon: None, fault: Exception) -> None:
    kafka = installation.kafka
    name = type(fault).__name__
    async with consuming(installation) as group:
        group.fails = {b"ill " + name.encode(): fault}
        await tell(kafka, event(f"ill/{name}", b"ill " + name.encode()))
        await tell(kafka, event(f"after/{name}"))
        await group.has_applied(f"after/{name}")


@pytest.mark.parametrize(
    "problem", [MessageSizeTooLargeError("nothing goes through"), KeyError("a fault")], ids=lambda p: type(p).__name__
)
async def test_a_member_that_cannot_get_on_says_so(
    installation: Installation, soon: None, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    kafka = installation.kafka

    async def cannot(*_: object) -> None:
        raise problem

    stuck, beside = f"stuck/{type(problem).__name__}", f"beside/{type(problem).__name__}"
    async with consuming(installation) as group:
        await tell(kafka, event(beside))
        await group.has_applied(beside)

        async def well() -> bool:
            return not group.health.problems

        await eventually(well)
        group.fails = {b"stuck": ValueError("a fault")}
        monkeypatch.setattr(consumer_module, "bury", cannot)
        await tell(kafka, event(stuck, b"stuck"))

        async def lost() -> bool:
            return group.consumer.part in group.health.problems

        await eventually(lost)
        group.fails = {}
        monkeypatch.setattr(consumer_module, "bury", bury)
        await group.has_applied(stuck)
        await eventually(well)


async def test_a_view_and_a_watch_pass_over_what_they_cannot_read(installation: Installation) -> None:
    kafka, health = installation.kafka, Health()
    seen: list[str] = []

    def learn(event: Event, _: Positions) -> None:
        if event.value == b"ill":
            raise ValueError("a fault")
        seen.append(event.key)

    def wanted(event: Event) -> bool:
        if event.value == b"ill":
            raise ValueError("a fault")
        return event.key.startswith("w/")

    tail = Tail(kafka, TOPIC, learn, health, part="view", from_beginning=True)
    broadcast = Broadcast(kafka, TOPIC, health, part="watch", understand=lambda event: event)
    running = [asyncio.create_task(tail.run()), asyncio.create_task(broadcast.tail.run())]
    try:

        async def started() -> bool:
            return bool(broadcast.tail.positions)

        await eventually(started)
        token = encode_token(broadcast.tail.positions)
        with broadcast.subscribe(wanted) as subscription:
            await tell(kafka, event("w/1"))
            await tell(kafka, event("w/2", b"ill"))
            await send(kafka, TOPIC, b"garbage", partition=0)
            await tell(kafka, event("w/3"), more=[(NotUtf8("x"), b"1")])
            await tell(kafka, event("w/4"))
            heard = [item.what.key for _ in range(2) if (item := await subscription.next(30))]
        assert heard == ["w/1", "w/4"]

        async def read() -> bool:
            return "w/4" in seen

        await eventually(read)
        assert [key for key in seen if key.startswith("w/")] == ["w/1", "w/4"]
        until = dict(broadcast.tail.positions)
        again = [missed.what.key async for missed in broadcast.since(token, until, wanted, "party")]
        assert again == ["w/1", "w/4"]
        assert not [task for task in running if task.done()]
    finally:
        await end(running)
