"""Fixtures for tests against real parts. Nothing is started until a test asks for it.

One PostgreSQL and one Kafka serve a run, its workers (`pytest -n`) included: each module has a database and topics of
its own. To have them start only once a day, run `lowsky up` and set LOWSKY_DATABASE_URL and LOWSKY_KAFKA_BOOTSTRAP to
what `lowsky status` names.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from lowsky.local.files import exclusive
from lowsky.local.stack import Stack
from lowsky.local.stack import infrastructure as local_infrastructure
from tests.support.installation import Installation, new_installation
from tests.support.tokens import TokenIssuer, serving_issuer

SHARED = "LOWSKY_TESTS_SHARED"
"""Names the folder of what the workers of one run share, to the workers."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """A folder for what the workers share: whichever needs PostgreSQL and Kafka first starts them there."""
    os.environ[SHARED] = str(_short_folder())


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stops what the workers shared, in the process that began them."""
    if SHARED not in os.environ or hasattr(config, "workerinput"):
        return
    folder = Path(os.environ.pop(SHARED))
    if (stack := Stack.find(folder / "state")) is not None:
        stack.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def infrastructure() -> Iterator[Stack]:
    """PostgreSQL and Kafka; those of the environment where it names any."""
    if SHARED in os.environ:
        folder = Path(os.environ[SHARED])
        with exclusive(folder / "lock"):
            stack = Stack.find(folder / "state") or Stack.start(folder / "state", services=(), issuer=False)
        yield stack
        return
    folder = _short_folder()
    try:
        with local_infrastructure(folder / "state") as stack:
            yield stack
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _short_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="lowsky-"))  # the path of a UNIX socket is limited


@pytest.fixture(scope="session")
def issuer() -> Iterator[TokenIssuer]:
    """Whoever the services believe."""
    with serving_issuer() as serving:
        yield serving


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def installation(
    infrastructure: Stack, issuer: TokenIssuer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Installation]:
    """A database and topics of the module's own; its tests start the services that they need."""
    async with new_installation(infrastructure, issuer, tmp_path_factory.mktemp("services")) as new:
        yield new


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Puts the end of each service's log beside a failure."""
    report = yield
    installation: Any = getattr(item, "funcargs", {}).get("installation")
    if report.failed and isinstance(installation, Installation):
        for service, instance in installation.workers:
            report.sections.append(
                (f"log of {service} {instance}", installation.log_of(service, instance=instance)),
            )
    return report
