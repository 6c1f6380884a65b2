"""Members of a group, on a real topic and table: each event takes effect once, in order per key, whoever comes or goes.

What took effect stands in a table beside the inbox, so that what is rolled back leaves nothing.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
import structlog
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from lowsky.db.database import Connection, Database
from lowsky.db.migrations import migrate
from lowsky.errors import Unavailable
from lowsky.events import consumer as consumer_module
from lowsky.events.consumer import Batched, GroupConsumer
from lowsky.events.dead_letters.record_format import dead_letters_of
from lowsky.events.event import Event, to_headers
from lowsky.events.kafka import Kafka
from lowsky.health import Health
from lowsky.process.background import end
from tests.support.events import records_of
from tests.support.group_consumer import GROUP, KIND, TOPIC, event
from tests.support.installation import Installation
from tests.support.polling import eventually

BATCHED = "lowsky.flightplan.withdrawn.v1"
PARTITIONS = 6
SOON_S = 60.0


class Member:
    """Writes what it handles; `trouble` is what it then fails with."""

    def __init__(self, kafka: Kafka, database: Database, name: str, instance: str | None = None) -> None:
        self.name = name
        self.health = Health()
        self.trouble: Exception | None = None
        self.handed: list[list[str]] = []
        """Keys of each call of a handler."""
        self.consumer = GroupConsumer(
            kafka=kafka,
            database=database,
            group=GROUP,
            instance=instance,
            topics=[TOPIC],
            handlers={KIND: self._one, BATCHED: Batched(self._many)},
            after_commit=lambda: None,
            health=self.health,
        )

    async def _one(self, connection: Connection, event: Event) -> None:
        await self._many(connection, [event])

    async def _many(self, connection: Connection, events: Sequence[Event]) -> None:
        self.handed.append([one.key for one in events])
        await connection.executemany(
            "INSERT INTO effects (member, key, value) VALUES ($1, $2, $3)",
            [(self.name, one.key, one.value) for one in events],
        )
        if self.trouble is not None:
            raise self.trouble


class Place:
    """The topic and the table."""

    def __init__(self, kafka: Kafka, database: Database) -> None:
        self.kafka = kafka
        self._database = database

    @asynccontextmanager
    async def member(self, name: str, instance: str | None = None) -> AsyncIterator[Member]:
        member = Member(self.kafka, self._database, name, instance)
        await member.health.expect(member.consumer.part, refuses=False)
        running = asyncio.create_task(member.consumer.run())
        try:
            yield member
        finally:
            await end([running])

    async def tell(self, events: Iterable[Event], partition: int | None = None) -> None:
        producer = self.kafka.producer()
        await producer.start()
        try:
            for one in events:
                await producer.send(
                    self.kafka.topic(TOPIC),
                    one.value,
                    key=one.key.encode(),
                    headers=to_headers(one),
                    partition=partition,
                )
            await producer.flush()
        finally:
            await producer.stop()

    async def effects(self, prefix: str) -> list[tuple[str, str, bytes]]:
        """Member, key and value, in the order in which they were written."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                "SELECT member, key, value FROM effects WHERE starts_with(key, $1) ORDER BY number", prefix
            )
        return [(row["member"], row["key"], row["value"]) for row in rows]

    async def wait_effects(self, prefix: str, count: int, by: str = "") -> None:
        """Waits until so many are there, of one member where it is named."""

        async def there() -> bool:
            found = [member for member, _, _ in await self.effects(prefix) if by in ("", member)]
            assert len(found) >= count, f"{len(found)} of {count}"
            return True

        await eventually(there, within_s=SOON_S, what=f"{count} effects of {prefix} {by}")

    async def committed(self, partition: int) -> int:
        """The offset that the group has committed; 0 before there is any."""
        client = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)
        await client.start()
        try:
            offsets = await client.list_consumer_group_offsets(self.kafka.prefix + GROUP)
        finally:
            await client.close()
        found = offsets.get(TopicPartition(self.kafka.topic(TOPIC), partition))
        return max(0, found.offset) if found is not None else 0


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def place(installation: Installation) -> AsyncIterator[Place]:
    await migrate(installation.database_url, "approvals")
    async with Database.open(installation.database_url, schema="approvals") as database:
        async with database.transaction() as connection:
            await connection.execute(
                "CREATE TABLE effects (number bigserial, member text NOT NULL, key text NOT NULL, value bytea NOT NULL)"
            )
        yield Place(installation.kafka, database)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer_module, "RETRY_S", 0.05)


async def test_events_of_one_kind_are_applied_together_and_those_of_another_between_keep_their_place(
    place: Place,
) -> None:
    kinds = (BATCHED, BATCHED, KIND, KIND, BATCHED, "lowsky.flightplan.lapsed.v1", BATCHED)
    await place.tell((event(f"b/{n}", kind=kind) for n, kind in enumerate(kinds)), partition=0)
    async with place.member("only") as member:
        await place.wait_effects("b/", 6)
    # Nobody handles b/5: what lies around it follows each other.
    assert member.handed == [["b/0", "b/1"], ["b/2"], ["b/3"], ["b/4", "b/6"]]
    assert [key for _, key, _ in await place.effects("b/")] == [f"b/{n}" for n in (0, 1, 2, 3, 4, 6)]


async def test_while_a_part_is_away_nothing_takes_effect_is_committed_or_given_up_and_then_all_is(
    place: Place,
) -> None:
    async with place.member("only") as member:
        await place.tell([event("u/before")], partition=0)
        await place.wait_effects("u/", 1)
        ahead: int = max(one.offset for one in await records_of(place.kafka, TOPIC) if one.partition == 0) + 1

        async def committed() -> bool:
            return await place.committed(0) == ahead

        await eventually(committed, what="the offset of what took effect")
        buried = len(await records_of(place.kafka, dead_letters_of(TOPIC, GROUP)))
        member.trouble = Unavailable("DATABASE_UNAVAILABLE", "away")
        await place.tell([event("u/1"), event("u/2", kind=BATCHED)], partition=0)

        async def tried_again() -> bool:
            return member.handed.count(["u/1"]) > consumer_module.TRIES + 1

        await eventually(tried_again, within_s=SOON_S)
        assert member.consumer.part in member.health.problems
        # Longer than it takes a member that gets on to commit.
        with pytest.raises(AssertionError, match="did not come true"):
            await eventually(lambda: _is_more(place, ahead), within_s=2 * consumer_module.COMMIT_S)
        assert [key for _, key, _ in await place.effects("u/")] == ["u/before"]
        member.trouble = None
        await place.wait_effects("u/", 3)
        ahead += 2
        await eventually(committed, what="the offset of what takes effect now")
        assert member.consumer.part not in member.health.problems
    assert [key for _, key, _ in await place.effects("u/")] == ["u/before", "u/1", "u/2"]
    assert len(await records_of(place.kafka, dead_letters_of(TOPIC, GROUP))) == buried


async def _is_more(place: Place, offset: int) -> bool:
    return await place.committed(0) > offset


async def test_while_members_come_and_go_each_event_takes_effect_once_in_the_order_of_its_key(place: Place) -> None:
    keys = [f"r/{n}" for n in range(24)]
    told = 0
    stopped = asyncio.Event()

    async def telling() -> None:
        nonlocal told
        while not stopped.is_set():
            await place.tell(event(key, b"%d" % told) for key in keys)
            told += 1

    teller = asyncio.create_task(telling())
    try:
        async with place.member("second") as second:
            async with place.member("first"):
                await place.wait_effects("r/", 50, by="first")
                await place.wait_effects("r/", 50, by="second")
            # The first has left in the middle: all that it had is the second's.
            here = len(second.handed)

            async def has_all() -> bool:
                return {key for handed in second.handed[here:] for key in handed} >= set(keys)

            await eventually(has_all, within_s=SOON_S, what="every key at the member that stayed")
            async with place.member("third"):
                await place.wait_effects("r/", 50, by="third")
            stopped.set()
            await teller
            await place.wait_effects("r/", told * len(keys))
    finally:
        stopped.set()
        await teller
    by_key = defaultdict(list)
    for _, key, value in await place.effects("r/"):
        by_key[key].append(int(value))
    assert by_key == {key: list(range(told)) for key in keys}


async def test_a_static_member_that_restarts_gets_its_partitions_back_and_disturbs_nobody(place: Place) -> None:
    async def told_everywhere(prefix: str) -> None:
        for partition in range(PARTITIONS):
            await place.tell([event(f"{prefix}{partition}")], partition=partition)

    def owners(found: list[tuple[str, str, bytes]]) -> dict[str, str]:
        return {key.rpartition("/")[2]: member for member, key, _ in found}

    async with place.member("stays", "1"):
        async with place.member("restarts", "2"):
            for n in itertools.count():
                await told_everywhere(f"s/{n}/")
                await place.wait_effects(f"s/{n}/", PARTITIONS)
                before = owners(await place.effects(f"s/{n}/"))
                if set(before.values()) == {"stays", "restarts"}:
                    break
        with structlog.testing.capture_logs() as logged:
            await told_everywhere("away/")
            # Those of the member that stays go on meanwhile.
            await place.wait_effects("away/", list(before.values()).count("stays"))
            assert {member for member, _, _ in await place.effects("away/")} == {"stays"}
            async with place.member("restarts", "2"):
                await place.wait_effects("away/", PARTITIONS)
                await told_everywhere("back/")
                await place.wait_effects("back/", PARTITIONS)
    assert owners(await place.effects("away/")) == owners(await place.effects("back/")) == before
    assigned = [line for line in logged if line["event"] == "partitions assigned"]
    assert len(assigned) == 1, "no rebalance, but for the one that starts"
