import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lowsky.local.parts.services import Service
from lowsky.local.reporting import Transcript
from lowsky.local.stack import Stack

HERE = Path(__file__).parent
GIVEN = ("LOWSKY_DATABASE_URL", "LOWSKY_KAFKA_BOOTSTRAP", "LOWSKY_TOPIC_PREFIX", "LOWSKY_ENV", "LOWSKY_STATE_DIR")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Not beneath pytest's own folder: every pytest that starts closes that one to the database's user."""
    with tempfile.TemporaryDirectory(prefix="lowsky-") as folder:
        yield Path(folder)


@pytest.fixture
def transcript() -> Transcript:
    return Transcript()


@pytest.fixture(scope="session")
def fake() -> Service:
    return Service("fake", "fake_service", env={"PYTHONPATH": str(HERE)})


@pytest.fixture(autouse=True)
def no_given_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests are about the embedded servers, whatever the developer's environment names."""
    for name in GIVEN:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def stack(fake: Service) -> Iterator[Stack]:
    """One whole stack with embedded PostgreSQL and Kafka for all tests here."""
    with tempfile.TemporaryDirectory(prefix="lowsky-") as folder:
        with pytest.MonkeyPatch.context() as environment:
            for name in GIVEN:
                environment.delenv(name, raising=False)
            running = Stack.start(Path(folder) / "state", services=(fake,))
        yield running
        running.stop()


@pytest.fixture
def on_given_servers(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """Further stacks of a test use the session's servers, named by the environment, and so start fast."""
    monkeypatch.setenv("LOWSKY_DATABASE_URL", stack.database_url)
    monkeypatch.setenv("LOWSKY_KAFKA_BOOTSTRAP", stack.kafka_bootstrap)
    return stack
