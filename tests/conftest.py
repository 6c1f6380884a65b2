"""Fixtures for tests against real parts. Nothing is started until a test asks for it.

Every pytest process starts PostgreSQL and Kafka of its own, which takes some seconds and 500 MB. To share them between
the workers of `pytest -n`, or to have them start only once a day, run `lowsky up` and set LOWSKY_DATABASE_URL and
LOWSKY_KAFKA_BOOTSTRAP to what `lowsky status` names: each module has a database and topics of its own anyway.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from lowsky.local.stack import Stack
from lowsky.local.stack import infrastructure as local_infrastructure
from tests.support.installation import Installation, new_installation
from tests.support.tokens import TokenIssuer, serving_issuer


@pytest.fixture(scope="session")
def infrastructure() -> Iterator[Stack]:
    """PostgreSQL and Kafka; those of the environment where it names any."""
    # A short path: a UNIX socket's is limited.
    folder = Path(tempfile.mkdtemp(prefix="lowsky-"))
    try:
        with local_infrastructure(folder / "state") as stack:
            yield stack
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
