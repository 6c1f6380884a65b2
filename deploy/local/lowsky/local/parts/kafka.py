"""A real Apache Kafka (KRaft, one node) under the state directory, on loopback ports only."""

import asyncio
import base64
import shutil
import time
import uuid
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from lowsky.local.errors import StackError
from lowsky.local.files import write_private
from lowsky.local.parts.jars import jar_directory
from lowsky.local.parts.java import find_java
from lowsky.local.reporting import Reporter
from lowsky.local.running import processes
from lowsky.local.running.ports import LOOPBACK, accepts_connections, free_port
from lowsky.local.running.processes import Command, Identity

LOG4J_CONFIGURATION = Path(__file__).parent / "log4j2.properties"
READY_S_MAX = 120
STOP_GRACE_S = 30
"""A controlled shutdown writes snapshots and closes segments; cut short it costs a log recovery at the next start."""

LIVES_SHORT = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""A broker of minutes on a machine that everything shares: the second compiler alone would take half of a core for the
first of them, and pays for it only after hours."""

SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    # One node: every internal topic has one replica.
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "offsets.topic.num.partitions": "10",
    "transaction.state.log.num.partitions": "5",
    "share.coordinator.state.topic.num.partitions": "5",
    "group.initial.rebalance.delay.ms": "0",
    "auto.create.topics.enable": "false",
    # A killed broker may only register again once its old session has ended, by default after 9 s.
    "broker.heartbeat.interval.ms": "1000",
    "broker.session.timeout.ms": "4000",
}


def log_file(state_dir: Path) -> Path:
    """The broker's own log; what the Java runtime itself prints is in kafka.out beside it."""
    return state_dir / "log" / "kafka.log"


def prepare(state_dir: Path, reporter: Reporter) -> str:
    """Writes the properties and, the first time, formats the storage; returns the bootstrap address. Wants the jars."""
    jars = jar_directory()
    folder = state_dir / "kafka"
    folder.mkdir(mode=0o700, exist_ok=True)
    port, controller_port = _choose_ports(folder / "server.properties")
    data = folder / "data"
    if not (data / "meta.properties").exists():
        fresh = folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(data, ignore_errors=True)
        with reporter.step("Kafka: formatting its storage"):
            _format(state_dir, jars, _properties(fresh.name, port, controller_port))
        fresh.rename(data)
    write_private(folder / "server.properties", _properties(data.name, port, controller_port))
    return f"{LOOPBACK}:{port}"


def command(state_dir: Path) -> Command:
    """How to start the broker."""
    argv = (*_java(state_dir, jar_directory()), *LIVES_SHORT, "kafka.Kafka", "server.properties")
    return Command(argv, state_dir / "log" / "kafka.out", {}, cwd=state_dir / "kafka")


def start(state_dir: Path) -> Identity:
    """Starts the broker; it may take until `wait_ready` says so."""
    return processes.spawn(command(state_dir))


async def wait_ready(
    bootstrap: str, identity: Identity | None, logs: tuple[Path, ...], timeout_s: float = READY_S_MAX
) -> None:
    """Waits until a metadata request is answered."""
    deadline = time.monotonic() + timeout_s
    last: Exception | None = None
    while True:
        if identity is not None and not processes.is_alive(identity):
            texts = "\n".join(processes.tail(log) for log in logs)
            raise StackError(f"Kafka ended while starting:\n{texts}")
        # Only a listening port is asked for metadata: the client logs every refused connection as an error.
        if accepts_connections(bootstrap.split(",")[0].strip()):
            try:
                await _ask_metadata(bootstrap)
                return
            except (KafkaError, OSError, TimeoutError) as error:
                last = error
        if time.monotonic() > deadline:
            raise StackError(
                f"Kafka at {bootstrap} does not answer after {timeout_s:.0f} s ({last or 'not listening'})"
            )
        await asyncio.sleep(0.1)


async def _ask_metadata(bootstrap: str) -> None:
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=5_000, client_id="lowsky-local")
    try:
        await client.start()
        await client.list_topics()
    finally:
        await client.close()


def purge(state_dir: Path) -> None:
    """Removes the broker's data; it must be down."""
    shutil.rmtree(state_dir / "kafka", ignore_errors=True)


def _choose_ports(properties_file: Path) -> tuple[int, int]:
    """The ports of the last run where they are free: the controller's is also written in the metadata log."""
    earlier: list[int] = []
    if properties_file.exists():
        for line in properties_file.read_text(encoding="utf-8").splitlines():
            if line.startswith("listeners="):
                earlier = [int(part.rpartition(":")[2]) for part in line.removeprefix("listeners=").split(",")]
    if len(earlier) != 2:
        earlier = []
    port = free_port(earlier[0] if earlier else None)
    return port, free_port(earlier[1] if earlier else None, taken=frozenset({port}))


def _properties(data: str, port: int, controller_port: int) -> str:
    settings = {
        **SETTINGS,
        "listeners": f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller_port}",
        "controller.quorum.bootstrap.servers": f"{LOOPBACK}:{controller_port}",
        # Relative to the working directory: a comma in a full path would split it, and properties are Latin-1.
        "log.dirs": data,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def _java(state_dir: Path, jars: Path) -> tuple[str, ...]:
    return (
        str(find_java()),
        "-cp",
        f"{jars}/*",
        f"-Dlog4j2.configurationFile={LOG4J_CONFIGURATION}",
        f"-Dlowsky.kafka.log={log_file(state_dir)}",
    )


def _format(state_dir: Path, jars: Path, properties: str) -> None:
    file = state_dir / "kafka" / "format.properties"
    write_private(file, properties)
    # A Kafka id: 16 bytes in URL-safe base64 that do not begin with a dash, which would read as an option.
    cluster_id = "A" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]
    argv = (*_java(state_dir, jars), "-Xmx256m", "kafka.tools.StorageTool", "format")
    argv = (*argv, "-t", cluster_id, "--standalone", "-c", file.name)
    command = Command(argv, state_dir / "log" / "kafka-format.log", {}, cwd=file.parent)
    code, output = processes.run_to_end(command, timeout_s=120)
    file.unlink()
    if code != 0:
        raise StackError(f"Kafka's storage could not be formatted ({code}):\n{output}")
