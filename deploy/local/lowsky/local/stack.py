"""The local stack as an object: start it, find everything on it, kill and restart parts of it, stop it.

Everything runs as processes of their own, recorded in state.json as they start, so a stack can outlive whoever started
it, and what a start that failed or was cut off had started is stopped by its record.
"""

import asyncio
import contextlib
import os
import secrets
import sys
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self, TypeVar

import httpx

from lowsky.local import shutdown
from lowsky.local.directory import clear_earlier, prepare
from lowsky.local.errors import ProductionRefused, StackError
from lowsky.local.files import exclusive, private_directory
from lowsky.local.parts import kafka, postgres, topics
from lowsky.local.parts.jars import ensure_jars
from lowsky.local.parts.services import ISSUER, SERVICES, Service
from lowsky.local.parts.tokens import AUDIENCE, TTL_S_DEFAULT
from lowsky.local.reporting import LogReporter, Reporter
from lowsky.local.running import health, processes, state
from lowsky.local.running.ports import LOOPBACK
from lowsky.local.running.processes import Command
from lowsky.local.running.remembered import remembered_port
from lowsky.local.running.state import ProcessEntry, StackState

MIGRATE_S_MAX = 300

T = TypeVar("T")


def run_blocking(work: Coroutine[None, None, T]) -> T:
    """Runs a coroutine to its end; where an event loop already runs in this thread, in another thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


class Stack:
    """A running stack. Make one with `start`, or find one with `find`."""

    def __init__(self, running: StackState, reporter: Reporter | None = None) -> None:
        self.state = running
        self._reporter: Reporter = reporter or LogReporter()

    @classmethod
    def start(
        cls,
        state_dir: Path,
        services: Sequence[Service] = SERVICES,
        *,
        issuer: bool = True,
        reporter: Reporter | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Self:
        """Starts PostgreSQL, Kafka, the issuer and the services, and returns when all are healthy.

        LOWSKY_DATABASE_URL, LOWSKY_KAFKA_BOOTSTRAP and LOWSKY_TOPIC_PREFIX of the environment are used where set; `env`
        is added to every process'. Raises AlreadyRunning, or StackError after stopping whatever had been started.
        """
        if os.environ.get("LOWSKY_ENV", "development") == "production":
            raise ProductionRefused(
                "LOWSKY_ENV=production: the local stack (open database, development tokens) is not for production"
            )
        reporter = reporter or LogReporter()
        state_dir = prepare(state_dir)
        with exclusive(state_dir / "lock", on_wait=lambda: reporter.say("another lowsky command works here: waiting")):
            clear_earlier(state_dir, reporter)
            stack = cls(StackState(state_dir, processes.own_identity()), reporter)
            try:
                stack._start_all(services, issuer, env or {})
            except BaseException:
                reporter.say("the start did not succeed: stopping what had been started")
                shutdown.stop_all(stack.state, reporter)
                raise
        return stack

    @classmethod
    def find(cls, state_dir: Path, reporter: Reporter | None = None) -> Self | None:
        """The stack of a state directory, dead or alive; None if there is none."""
        found = state.load(state_dir.expanduser().absolute())
        return None if found is None else cls(found, reporter)

    @property
    def state_dir(self) -> Path:
        """Where everything of this stack lies."""
        return self.state.state_dir

    @property
    def database_url(self) -> str:
        """The database of all services."""
        return self.state.database_url

    @property
    def kafka_bootstrap(self) -> str:
        """Kafka's address."""
        return self.state.kafka_bootstrap

    @property
    def issuer_url(self) -> str:
        """The issuer: `iss` of its tokens, base of /jwks.json."""
        return self.state.issuer_url

    @property
    def endpoints(self) -> dict[str, str]:
        """Name of each service (and "issuer") to its `host:port`."""
        return self.state.endpoints

    @property
    def env(self) -> dict[str, str]:
        """The LOWSKY_* variables with which a process finds this stack."""
        return dict(self.state.env)

    def token(
        self,
        subject: str,
        roles: Sequence[str] = (),
        *,
        operator: str | None = None,
        authority: str | None = None,
        ttl_s: int = TTL_S_DEFAULT,
    ) -> str:
        """A development token; StackError with the issuer's words if it refuses."""
        body = {"subject": subject, "roles": list(roles), "operator": operator, "authority": authority}
        try:
            answer = httpx.post(
                f"{self.issuer_url}/token",
                json={**body, "ttl_seconds": ttl_s},
                headers={"Authorization": f"Bearer {self.state.issuer_secret}"},
                timeout=10,
                trust_env=False,
            )
        except httpx.HTTPError as error:
            raise StackError(f"the token issuer does not answer at {self.issuer_url}: {error}") from error
        if answer.status_code != 200:
            raise StackError(f"the token issuer refuses: {answer.text[:500]}")
        return str(answer.json()["access_token"])

    def kill(self, name: str) -> None:
        """Kills a process at once, as a crash would; `name` is a service, "issuer", "kafka" or "postgres"."""
        processes.kill(self._entry(name).identity)

    def start_service(self, name: str) -> None:
        """Starts a dead process again just as before, and waits until it is healthy."""
        entry = self._entry(name)
        if entry.alive:
            raise StackError(f"{name} already runs as process {entry.identity.pid}")
        if entry.kind == "postgres":
            entry.identity = postgres.start(self.state_dir)
        else:
            entry.identity = processes.spawn(entry.command)
        self.state.save()
        self._wait_ready(entry)

    def restart(self, name: str) -> None:
        """Stops one process, if it runs, and starts it again; the others notice and wait for it. Returns when it is
        healthy."""
        with self._alone():
            entry = self._entry(name)
            with self._reporter.step(f"stopping {name}"):
                notice = shutdown.stop(entry)
            if notice is not None:
                self._reporter.say(notice)
            with self._reporter.step(f"starting {name}"):
                self.start_service(name)

    def mend(self) -> list[str]:
        """Starts what is dead, in the order of the first start; returns its names."""
        with self._alone():
            dead = [entry.name for entry in self.state.dead()]
            for name in dead:
                with self._reporter.step(f"{name} is dead: starting it again"):
                    self.start_service(name)
        return dead

    def stop(self) -> None:
        """Stops everything, last started first; the data stays."""
        with exclusive(self.state_dir / "lock"):
            shutdown.stop_all(self.state, self._reporter)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """No other command works on the stack meanwhile; what others did before is known."""
        wait = "another lowsky command works here: waiting"
        with exclusive(self.state_dir / "lock", on_wait=lambda: self._reporter.say(wait)):
            current = state.load(self.state_dir)
            if current is None:
                raise StackError(f"nothing is up in {self.state_dir} any more")
            self.state = current
            yield

    def _entry(self, name: str) -> ProcessEntry:
        try:
            return self.state.entries[name]
        except KeyError:
            known = ", ".join(self.state.entries) or "nothing"
            raise StackError(f"this stack runs no {name!r}; it runs {known}") from None

    def _record(self, entry: ProcessEntry) -> None:
        self.state.entries[entry.name] = entry
        self.state.save()

    def _start_all(self, services: Sequence[Service], issuer: bool, env: Mapping[str, str]) -> None:
        self.state.topic_prefix = os.environ.get("LOWSKY_TOPIC_PREFIX", "")
        self.state.save()
        self._start_infrastructure()
        self.state.env = {
            "LOWSKY_ENV": os.environ.get("LOWSKY_ENV", "development"),
            "LOWSKY_STATE_DIR": str(self.state_dir),
            "LOWSKY_DATABASE_URL": self.database_url,
            "LOWSKY_KAFKA_BOOTSTRAP": self.kafka_bootstrap,
            "LOWSKY_TOPIC_PREFIX": self.state.topic_prefix,
            **env,
        }
        if issuer:
            self._start_issuer()
        self._start_services(services)
        self.state.phase = "up"
        self.state.save()

    def _start_infrastructure(self) -> None:
        """PostgreSQL and Kafka start side by side; what the environment names is only asked whether it answers."""
        given_database, given_kafka = os.environ.get("LOWSKY_DATABASE_URL"), os.environ.get("LOWSKY_KAFKA_BOOTSTRAP")
        if not given_kafka:
            # First, for it is what may be missing on a bare machine, and what takes longest.
            ensure_jars(self._reporter)
        self.state.database_url = given_database or postgres.database_url(self.state_dir)
        if not given_database:
            postgres.prepare(self.state_dir, self._reporter)
            command, identity = postgres.command(self.state_dir), postgres.start(self.state_dir)
            self._record(ProcessEntry("postgres", "postgres", self.database_url, identity, command))
        self.state.kafka_bootstrap = given_kafka or kafka.prepare(self.state_dir, self._reporter)
        if not given_kafka:
            command, identity = kafka.command(self.state_dir), kafka.start(self.state_dir)
            self._record(ProcessEntry("kafka", "kafka", self.kafka_bootstrap, identity, command))
        if given_database:
            with self._reporter.step("PostgreSQL: the one of LOWSKY_DATABASE_URL"):
                run_blocking(postgres.wait_ready(self.database_url, None, Path(os.devnull), timeout_s=10))
        else:
            with self._reporter.step("PostgreSQL: waiting for it"):
                self._wait_ready(self.state.entries["postgres"])
        if given_kafka:
            with self._reporter.step("Kafka: the one of LOWSKY_KAFKA_BOOTSTRAP"):
                run_blocking(kafka.wait_ready(self.kafka_bootstrap, None, (), timeout_s=10))
        else:
            with self._reporter.step("Kafka: waiting for it"):
                self._wait_ready(self.state.entries["kafka"])
        with self._reporter.step("Kafka: topics"):
            outcome = run_blocking(topics.create_topics(self.kafka_bootstrap, self.state.topic_prefix))
        for difference in outcome.differences:
            self._reporter.say(f"topic differs from its declaration, left as it is: {difference}")

    def _start_issuer(self) -> None:
        port = remembered_port(self.state_dir, ISSUER.name, ISSUER.port)
        self.state.issuer_url = f"http://{LOOPBACK}:{port}"
        self.state.issuer_secret = secrets.token_urlsafe(32)
        self.state.token_audience = AUDIENCE
        self.state.env |= {
            "LOWSKY_TOKEN_ISSUER": self.issuer_url,
            "LOWSKY_TOKEN_AUDIENCE": AUDIENCE,
            "LOWSKY_TOKEN_JWKS_URL": f"{self.issuer_url}/jwks.json",
        }
        keys = private_directory(self.state_dir / "issuer")
        secret = {"LOWSKY_ISSUER_SECRET": self.state.issuer_secret, "LOWSKY_ISSUER_KEY_FILE": str(keys / "key.json")}
        entry = self._spawn(ISSUER, f"{LOOPBACK}:{port}", secret)
        with self._reporter.step("token issuer (development only)"):
            self._wait_ready(entry)

    def _start_services(self, services: Sequence[Service]) -> None:
        addresses: dict[str, str] = {}
        for service in services:
            address = f"{LOOPBACK}:{remembered_port(self.state_dir, service.name, service.port)}"
            addresses[service.name] = address
            self.state.env[service.target_variable] = address
        migrating = [service for service in services if service.migrates]
        if migrating:
            with self._reporter.step(f"migrations: {', '.join(service.name for service in migrating)}"):
                self._migrate(migrating)
        if services:
            with self._reporter.step(f"services: {', '.join(service.name for service in services)}"):
                # All at once, for they spend their start importing and connecting.
                entries = [self._spawn(service, addresses[service.name], service.env) for service in services]
                for entry in entries:
                    self._wait_ready(entry)

    def _migrate(self, services: Sequence[Service]) -> None:
        running = []
        try:
            for service in services:
                argv = (sys.executable, "-m", service.module, "migrate")
                log_file = self.state_dir / "log" / f"{service.name}-migrate.log"
                command = Command(argv, log_file, {**self.state.env, **service.env})
                running.append((service, command, processes.spawn(command, may_end=True)))
            for service, command, identity in running:
                code, output = processes.wait_end(identity, command, MIGRATE_S_MAX)
                if code != 0:
                    raise StackError(f"{service.name} could not migrate (exit {code}):\n{output}")
        finally:
            for _, _, identity in running:
                processes.kill(identity)

    def _spawn(self, service: Service, address: str, env: Mapping[str, str]) -> ProcessEntry:
        argv = (sys.executable, "-m", service.module)
        log_file = self.state_dir / "log" / f"{service.name}.log"
        # One worker of each: under its stable name it gets its partitions back at once after a restart.
        own = {"LOWSKY_LISTEN": address, "LOWSKY_INSTANCE": "1"}
        command = Command(argv, log_file, {**self.state.env, **own, **env})
        entry = ProcessEntry(service.name, service.health, address, processes.spawn(command), command)
        self._record(entry)
        return entry

    def _wait_ready(self, entry: ProcessEntry) -> None:
        log_file = entry.log_file
        match entry.kind:
            case "postgres":
                run_blocking(postgres.wait_ready(entry.address, entry.identity, log_file))
            case "kafka":
                run_blocking(kafka.wait_ready(entry.address, entry.identity, (log_file, entry.command.log_file)))
            case "grpc" | "http":
                health.wait_serving(entry.name, entry.address, entry.kind, entry.identity, log_file)


@contextlib.contextmanager
def infrastructure(state_dir: Path, reporter: Reporter | None = None) -> Iterator[Stack]:
    """Only PostgreSQL, Kafka and the topics (or those of the environment), stopped at the end: for test fixtures."""
    stack = Stack.start(state_dir, services=(), issuer=False, reporter=reporter)
    try:
        yield stack
    finally:
        stack.stop()
