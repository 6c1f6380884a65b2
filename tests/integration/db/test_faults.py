"""What the database does to whoever uses it: hangs, is full, is busy; and what is not its fault."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import asyncpg
import pytest

from lowsky.db import database as database_module
from lowsky.db import probe as probe_module
from lowsky.db.database import Database
from lowsky.db.migrations import migrate
from lowsky.db.probe import DatabaseProbe
from lowsky.errors import Unavailable
from lowsky.events import topics
from lowsky.events.event import Event
from lowsky.events.outbox import append
from lowsky.events.relay import Relay
from lowsky.health import DATABASE, Health
from lowsky.process.background import end
from tests.support.installation import Installation
from tests.support.polling import eventually

SCHEMA = "public"


class Wire:
    """Stands between a client and PostgreSQL, and passes nothing on while it is cut: nobody is told."""

    def __init__(self) -> None:
        self.passes = asyncio.Event()
        self.passes.set()
        self.far: set[asyncio.StreamWriter] = set()
        self._lost: set[asyncio.StreamWriter] = set()
        self.left_open: list[asyncio.StreamWriter] = []

    def lose(self) -> None:
        """The connections that there are: the server knows, the client is not told. New ones pass."""
        self._lost |= self.far
        for writer in self.far:
            writer.close()

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self.far.add(far)
        try:
            while data := await reader.read(65_536):
                await self.passes.wait()
                if far in self._lost:
                    continue
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            self.far.discard(far)
            if far in self._lost:
                self.left_open.append(writer)
            else:
                writer.close()


@asynccontextmanager
async def behind_a_wire(url: str, folder: Path) -> AsyncIterator[tuple[Wire, str]]:
    """A database's URL whose connections can be cut without being closed."""
    parts = urlsplit(url)
    host = parse_qs(parts.query).get("host", [parts.hostname])[0]
    port = parts.port or 5432
    wire, pumps = Wire(), set[asyncio.Task[None]]()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if str(host).startswith("/"):
            far_reader, far_writer = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        else:
            far_reader, far_writer = await asyncio.open_connection(host, port)
        for pair in ((reader, far_writer), (far_reader, writer)):
            pumps.add(asyncio.create_task(wire.pump(*pair, far_writer)))

    server = await asyncio.start_unix_server(accept, folder / ".s.PGSQL.5432")
    user = f"{parts.username or ''}{':' + parts.password if parts.password else ''}@" if parts.username else ""
    try:
        yield wire, f"postgresql://{user}{parts.path}?host={quote(str(folder))}"
    finally:
        server.close()
        for pump in pumps:
            pump.cancel()
        if pumps:
            await asyncio.wait(pumps)
        for writer in wire.left_open:
            writer.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    # A short path: a UNIX socket's is limited.
    with tempfile.TemporaryDirectory(prefix="wire-") as name:
        yield Path(name)


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "ANSWER_GRACE_S", 0.5)
    monkeypatch.setattr(probe_module, "ANSWER_S_MAX", 1.0)
    monkeypatch.setattr(probe_module, "EVERY_S", 0.05)


async def test_a_connection_that_is_half_open_holds_up_a_caller_for_a_while_only(
    installation: Installation, folder: Path, soon: None
) -> None:
    async with (
        behind_a_wire(installation.database_url, folder) as (wire, url),
        Database.open(url, schema=SCHEMA, pool_size=2) as database,
    ):
        async with database.transaction() as connection:
            assert await connection.fetchval("SELECT 1") == 1
        wire.passes.clear()
        async with asyncio.timeout(30):
            with pytest.raises(Unavailable) as raised:
                async with database.transaction(statement_s=0.5) as connection:
                    await connection.fetchval("SELECT 1")
            assert raised.value.reason == "DATABASE_UNAVAILABLE"
        wire.passes.set()

        async def answers() -> bool:
            try:
                async with database.transaction() as connection:
                    return bool(await connection.fetchval("SELECT true"))
            except Unavailable:
                return False

        await eventually(answers)


async def test_a_cancellation_is_not_lost_with_a_connection_that_does_not_answer(
    installation: Installation, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "ACQUIRE_TIMEOUT_S", 0.5)
    async with (
        behind_a_wire(installation.database_url, folder) as (wire, url),
        Database.open(url, schema=SCHEMA, pool_size=1) as database,
    ):
        asks = asyncio.Event()

        async def work() -> None:
            async with database.connection() as connection:
                await connection.fetchval("SELECT 1")
                wire.passes.clear()
                asks.set()
                await connection.fetchval("SELECT 1")

        working = asyncio.create_task(work())
        await asks.wait()
        await asyncio.sleep(0)
        working.cancel()
        await asyncio.wait([working])
        assert working.cancelled()


async def test_a_database_that_hangs_shows_within_seconds_although_the_whole_pool_waits_for_it(
    installation: Installation, folder: Path, soon: None
) -> None:
    health = Health()
    await health.expect(DATABASE)
    async with (
        behind_a_wire(installation.database_url, folder) as (wire, url),
        Database.open(url, schema=SCHEMA, pool_size=1) as database,
    ):
        probing = asyncio.create_task(DatabaseProbe(database, health).run())

        async def well() -> bool:
            return not health.problems

        async def lost() -> bool:
            return DATABASE in health.problems

        await eventually(well)
        wire.passes.clear()
        await eventually(lost)
        assert "does not answer" in health.problems[DATABASE]
        wire.passes.set()
        await eventually(well)
        probing.cancel()
        await asyncio.wait([probing])


async def test_a_disk_that_is_full_shows_until_it_takes_what_is_written(installation: Installation, soon: None) -> None:
    """PostgreSQL raises what it raises on a full disk; that a real one is full cannot be had in a test."""
    health = Health()
    await health.expect(DATABASE)
    full = """CREATE TABLE IF NOT EXISTS filled (x integer);
        CREATE OR REPLACE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$;
        CREATE OR REPLACE FUNCTION full_disk_ddl() RETURNS event_trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$;
        CREATE TRIGGER full_disk BEFORE INSERT ON filled EXECUTE FUNCTION full_disk();
        CREATE EVENT TRIGGER full_disk_ddl ON ddl_command_start
            WHEN TAG IN ('CREATE TABLE AS') EXECUTE FUNCTION full_disk_ddl()"""
    async with installation.connection() as admin, Database.open(installation.database_url, schema=SCHEMA) as database:
        probing = asyncio.create_task(DatabaseProbe(database, health).run())

        async def well() -> bool:
            return not health.problems

        async def lost() -> bool:
            return DATABASE in health.problems

        await eventually(well)
        await admin.execute(full)
        try:
            with pytest.raises(Unavailable) as raised:
                async with database.transaction() as connection:
                    await connection.execute("INSERT INTO filled VALUES (1)")
            assert (raised.value.reason, "full" in raised.value.message) == ("DATABASE_UNAVAILABLE", True)
            await eventually(lost)
            assert "full" in health.problems[DATABASE]
            for _ in range(20):
                await asyncio.sleep(0.05)
                assert DATABASE in health.problems, "it answers, and still stores nothing"
        finally:
            await admin.execute("DROP EVENT TRIGGER full_disk_ddl; DROP TABLE filled")
        await eventually(well)
        probing.cancel()
        await asyncio.wait([probing])


async def test_a_session_that_is_ended_within_a_transaction_is_an_outage_and_no_fault(
    installation: Installation,
) -> None:
    async with (
        installation.connection() as admin,
        Database.open(installation.database_url, schema=SCHEMA) as database,
    ):
        for ends_at in ("a statement", "the commit"):
            with pytest.raises(Unavailable) as raised:
                async with database.transaction() as connection:
                    pid = await connection.fetchval("SELECT pg_backend_pid()")
                    await admin.execute("SELECT pg_terminate_backend($1)", pid)
                    if ends_at == "a statement":
                        await connection.fetchval("SELECT 1")
            assert raised.value.reason == "DATABASE_UNAVAILABLE"
        with pytest.raises(KeyError):  # what the body raised goes before
            async with database.transaction() as connection:
                pid = await connection.fetchval("SELECT pg_backend_pid()")
                await admin.execute("SELECT pg_terminate_backend($1)", pid)
                raise KeyError("a fault")
        async with database.transaction() as connection:
            assert await connection.fetchval("SELECT 1") == 1


@pytest.mark.parametrize("fault", [TimeoutError("another's"), OSError("of a file"), ConnectionResetError("of a peer")])
async def test_what_fails_beside_a_statement_is_not_the_databases_fault(
    installation: Installation, fault: Exception
) -> None:
    async with Database.open(installation.database_url, schema=SCHEMA) as database:
        with pytest.raises(type(fault)) as raised:
            async with database.transaction() as connection:
                await connection.fetchval("SELECT 1")
                raise fault
        assert raised.value is fault
        async with database.connection() as connection:
            assert not connection.is_in_transaction()


async def test_waiting_for_a_lock_of_others_says_that_they_have_it(installation: Installation) -> None:
    async with (
        installation.connection() as other,
        Database.open(installation.database_url, schema=SCHEMA) as database,
    ):
        await other.execute("CREATE TABLE locked (x integer)")
        async with other.transaction():
            await other.execute("LOCK TABLE locked")
            with pytest.raises(Unavailable) as raised:
                async with database.transaction(statement_s=0.2) as connection:
                    await connection.execute("INSERT INTO locked VALUES (1)")
        assert raised.value.reason == "DATABASE_BUSY"
        assert isinstance(raised.value.__cause__, asyncpg.LockNotAvailableError | asyncpg.QueryCanceledError)
        await other.execute("DROP TABLE locked")


async def test_the_relay_goes_on_after_its_connection_was_lost_without_a_word(
    installation: Installation, folder: Path, soon: None
) -> None:
    await migrate(installation.database_url, "approvals")

    async def relayed(*wanted: str) -> bool:
        events = await installation.events(topics.APPROVALS)
        # What was sent just before the loss may come twice.
        assert list(dict.fromkeys(event.key for event, _ in events)) == list(wanted)
        return True

    async with (
        behind_a_wire(installation.database_url, folder) as (wire, url),
        Database.open(installation.database_url, schema="approvals") as other,
        Database.open(url, schema="approvals") as database,
    ):

        async def emit(key: str) -> None:
            async with other.transaction() as connection:
                opened = Event(topics.APPROVALS, key, "lowsky.approval.opened.v1", b"", datetime.now(UTC))
                await append(connection, [opened])

        relaying = asyncio.create_task(Relay(database, installation.kafka, Health()).run())
        try:
            await emit("approvals/1")
            await eventually(lambda: relayed("approvals/1"))
            wire.lose()
            await emit("approvals/2")
            await eventually(lambda: relayed("approvals/1", "approvals/2"), within_s=60)
        finally:
            await end([relaying])


async def test_the_server_is_asked_to_end_sessions_that_cannot_be_reached(
    installation: Installation,
) -> None:
    async with (
        Database.open(installation.database_url, schema=SCHEMA) as database,
        database.connection() as connection,
    ):
        rows = await connection.fetch("SELECT name, reset_val, source FROM pg_settings WHERE name LIKE 'tcp_%'")
    assert {row["name"] for row in rows if row["source"] == "client"} == set(database_module.KEEPALIVES)
