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
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from lowsky.local.stack import Stack
from lowsky.local.stack import infrastructure as local_infrastructure
from tests.support.installation import Installation, new_installation
from tests.support.tokens import TokenIssuer, serving_issuer

_shared = ExitStack()
"""What the workers of one run share, closed by the process that started them."""


@contextmanager
def _infrastructure() -> Iterator[Stack]:
    # A short path: a UNIX socket's is limited.
    folder = Path(tempfile.mkdtemp(prefix="lowsky-"))
    try:
        with local_infrastructure(folder / "state") as stack:
            yield stack
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Starts what all workers share before they inherit the environment that names it."""
    stack = _shared.enter_context(_infrastructure())
    os.environ.update(LOWSKY_DATABASE_URL=stack.database_url, LOWSKY_KAFKA_BOOTSTRAP=stack.kafka_bootstrap)


def pytest_unconfigure() -> None:
    """Stops what was shared."""
    _shared.close()


@pytest.fixture(scope="session")
def infrastructure() -> Iterator[Stack]:
    """PostgreSQL and Kafka; those of the environment where it names any."""
    with _infrastructure() as stack:
        yield stack


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
