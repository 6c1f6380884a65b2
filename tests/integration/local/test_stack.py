import json
import stat
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from lowsky.events import topics
from lowsky.local import directory, shutdown
from lowsky.local.errors import AlreadyRunning, ProductionRefused, StackError
from lowsky.local.parts import postgres
from lowsky.local.parts.services import Service
from lowsky.local.reporting import Transcript
from lowsky.local.running import processes, state
from lowsky.local.running.processes import Command, Identity
from lowsky.local.running.state import ProcessEntry, StackState
from lowsky.local.stack import Stack, infrastructure


async def _send(bootstrap: str, topic: str, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        await producer.send_and_wait(topic, value, key=b"geozones/a")
    finally:
        await producer.stop()


async def _first(bootstrap: str, topic: str) -> bytes | None:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        value: bytes | None = (await consumer.getone()).value
        return value
    finally:
        await consumer.stop()


def test_every_process_of_a_started_stack_lives(stack: Stack) -> None:
    assert list(stack.state.entries) == ["postgres", "kafka", "issuer", "fake"]
    assert not list(stack.state.dead())
    assert stack.state.phase == "up"


def test_state_is_readable_by_its_owner_only(stack: Stack) -> None:
    file = stack.state_dir / "state.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stack.state.issuer_secret in file.read_text()


def test_a_stack_can_be_found_by_its_directory(stack: Stack) -> None:
    found = Stack.find(stack.state_dir)
    assert found is not None
    assert found.state == stack.state


def test_a_service_learns_where_everything_is(stack: Stack) -> None:
    told = json.loads((stack.state_dir / "log" / "fake-environment.json").read_text())
    assert told["LOWSKY_LISTEN"] == told["LOWSKY_FAKE_TARGET"] == stack.endpoints["fake"]
    assert told["LOWSKY_DATABASE_URL"] == stack.database_url
    assert told["LOWSKY_KAFKA_BOOTSTRAP"] == stack.kafka_bootstrap
    assert told["LOWSKY_TOKEN_ISSUER"] == stack.issuer_url
    assert told["LOWSKY_TOKEN_JWKS_URL"] == f"{stack.issuer_url}/jwks.json"
    assert told["LOWSKY_TOKEN_AUDIENCE"] == "lowsky"
    assert told["LOWSKY_ENV"] == "development"
    assert "LOWSKY_ISSUER_SECRET" not in told


async def test_the_database_is_durable_and_migrated(stack: Stack) -> None:
    connection = await asyncpg.connect(stack.database_url)
    try:
        assert await connection.fetchval("SHOW fsync") == "on"
        assert await connection.fetchval("SHOW listen_addresses") == ""
        assert await connection.fetchval("SELECT to_regclass('fake_rows')::text") == "fake_rows"
    finally:
        await connection.close()


async def test_a_killed_database_keeps_what_was_committed(stack: Stack) -> None:
    connection = await asyncpg.connect(stack.database_url)
    await connection.execute("INSERT INTO fake_rows VALUES ('before the crash')")
    stack.kill("postgres")
    connection.terminate()
    stack.start_service("postgres")
    connection = await asyncpg.connect(stack.database_url)
    try:
        assert await connection.fetchval("SELECT count(*) FROM fake_rows WHERE name = 'before the crash'") == 1
    finally:
        await connection.close()


async def test_a_killed_broker_keeps_its_messages_and_its_address(stack: Stack) -> None:
    await _send(stack.kafka_bootstrap, topics.GEOZONES, b"before the crash")
    stack.kill("kafka")
    assert [entry.name for entry in stack.state.dead()] == ["kafka"]
    stack.start_service("kafka")
    assert await _first(stack.kafka_bootstrap, topics.GEOZONES) == b"before the crash"


def test_a_killed_service_stays_dead_until_it_is_started(stack: Stack) -> None:
    before = stack.state.entries["fake"].identity
    stack.kill("fake")
    assert not processes.is_alive(before)
    stack.start_service("fake")
    found = Stack.find(stack.state_dir)
    assert found is not None
    assert found.state.entries["fake"].identity != before
    assert found.state.entries["fake"].alive


def test_a_living_service_is_not_started_twice(stack: Stack) -> None:
    with pytest.raises(StackError, match="already runs"):
        stack.start_service("fake")


def test_an_unknown_service_is_named_with_the_known_ones(stack: Stack) -> None:
    with pytest.raises(StackError, match="no 'weather'; it runs postgres, kafka, issuer, fake"):
        stack.kill("weather")


def test_a_second_stack_in_the_same_directory_is_refused(stack: Stack, fake: Service) -> None:
    with pytest.raises(AlreadyRunning):
        Stack.start(stack.state_dir, services=(fake,))
    assert not list(stack.state.dead())


def test_servers_of_the_environment_win(on_given_servers: Stack, tmp_path: Path) -> None:
    with infrastructure(tmp_path / "state") as light:
        assert light.database_url == on_given_servers.database_url
        assert light.kafka_bootstrap == on_given_servers.kafka_bootstrap
        assert not light.state.entries


def test_production_is_refused_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOWSKY_ENV", "production")
    with pytest.raises(ProductionRefused):
        Stack.start(tmp_path / "state")
    assert not (tmp_path / "state").exists()


@pytest.mark.usefixtures("on_given_servers")
def test_a_failed_migration_is_told_and_leaves_no_process(
    tmp_path: Path, fake: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_MIGRATION_FAILS", "1")
    spawned: list[Identity] = []
    save = StackState.save

    def remember(self: StackState) -> None:
        spawned.extend(entry.identity for entry in self.entries.values())
        save(self)

    monkeypatch.setattr(StackState, "save", remember)
    with pytest.raises(StackError, match="the fake migration fails as asked"):
        Stack.start(tmp_path / "state", services=(fake,))
    assert spawned
    assert not any(processes.is_alive(identity) for identity in spawned)
    assert not (tmp_path / "state" / "state.json").exists()


@pytest.mark.usefixtures("on_given_servers")
def test_a_service_that_does_not_exist_fails_the_start_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="No module named"):
        Stack.start(tmp_path / "state", services=(Service("ghost", "no_such_module_at_all", migrates=False),))


@pytest.mark.usefixtures("on_given_servers")
def test_services_stop_before_the_issuer(tmp_path: Path, fake: Service, transcript: Transcript) -> None:
    light = Stack.start(tmp_path / "state", services=(fake,), reporter=transcript)
    light.stop()
    assert [line for line in transcript.lines if line.startswith("stopping")] == ["stopping fake", "stopping issuer"]
    assert "the fake service left when asked" in processes.tail(tmp_path / "state" / "log" / "fake.log")


@pytest.mark.usefixtures("on_given_servers")
def test_addresses_are_the_same_at_the_next_start(tmp_path: Path, fake: Service) -> None:
    seen = []
    for _ in range(2):
        light = Stack.start(tmp_path / "state", services=(fake,))
        seen.append(light.endpoints)
        light.stop()
    assert seen[0] == seen[1]


def _bystander(tmp_path: Path) -> tuple[Command, Identity]:
    command = Command(("sleep", "600"), tmp_path / "bystander.log", {})
    return command, processes.spawn(command)


def test_a_recycled_pid_is_never_stopped(tmp_path: Path, transcript: Transcript) -> None:
    command, bystander = _bystander(tmp_path)
    try:
        earlier = Identity(bystander.pid, "another boot:1")
        recorded = StackState(tmp_path, processes.own_identity(), phase="up")
        recorded.entries["fake"] = ProcessEntry("fake", "grpc", "127.0.0.1:1", earlier, command)
        recorded.save()
        found = state.load(tmp_path)
        assert found is not None
        shutdown.stop_all(found, transcript)
        assert processes.is_alive(bystander)
        assert f"fake was not running any more (was process {bystander.pid})" in transcript.lines
        assert state.load(tmp_path) is None
    finally:
        processes.kill(bystander)


@pytest.mark.usefixtures("on_given_servers")
def test_what_a_start_that_was_cut_off_has_left_is_stopped(tmp_path: Path, transcript: Transcript) -> None:
    state_dir = directory.prepare(tmp_path / "state")
    command, left_over = _bystander(tmp_path)
    cut_off = StackState(state_dir, Identity(1, "another boot:1"), phase="starting")
    cut_off.entries["fake"] = ProcessEntry("fake", "grpc", "127.0.0.1:1", left_over, command)
    cut_off.save()
    Stack.start(state_dir, services=(), issuer=False, reporter=transcript).stop()
    assert not processes.is_alive(left_over)
    assert "an earlier start was cut off half-way: stopping what it has left" in transcript.lines


def test_a_folder_with_other_files_is_neither_used_nor_purged(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    with pytest.raises(StackError, match="holds other files"):
        Stack.start(tmp_path, services=())
    with pytest.raises(StackError, match="holds no stack"):
        directory.purge(tmp_path)
    assert (tmp_path / "log").is_dir()


def test_a_damaged_state_is_told_not_overwritten(tmp_path: Path) -> None:
    state_dir = directory.prepare(tmp_path / "state")
    (state_dir / "state.json").write_text("{")
    with pytest.raises(StackError, match="damaged"):
        Stack.start(state_dir, services=())
    assert (state_dir / "state.json").read_text() == "{"


def test_a_planted_socket_folder_is_not_taken_over(tmp_path: Path, transcript: Transcript) -> None:
    state_dir = directory.prepare(tmp_path / "state")
    (tmp_path / "target").mkdir(mode=0o755)
    (state_dir / "postgres").mkdir()
    postgres.socket_directory(state_dir).symlink_to(tmp_path / "target")
    with pytest.raises(StackError, match="belongs to somebody else"):
        postgres.prepare(state_dir, transcript)
    assert stat.S_IMODE((tmp_path / "target").stat().st_mode) == 0o755


def test_a_lock_of_a_pid_that_is_someone_elses_now_is_dropped(tmp_path: Path, transcript: Transcript) -> None:
    state_dir = directory.prepare(tmp_path / "state")
    postgres.prepare(state_dir, transcript)
    lock = postgres.data_directory(state_dir) / "postmaster.pid"
    lock.write_text("1\n")
    postgres.prepare(state_dir, transcript)
    assert not lock.exists()


def test_a_running_database_that_nobody_remembers_is_named(stack: Stack, transcript: Transcript) -> None:
    with pytest.raises(StackError, match=f"as process {stack.state.entries['postgres'].identity.pid}"):
        postgres.prepare(stack.state_dir, transcript)
