from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.support.installation import Installation


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(installation: Installation) -> AsyncIterator[Installation]:
    """An installation in which approvals runs."""
    await installation.start("approvals", env={"LOWSKY_EXPIRE_EVERY_S": "0.2"})
    yield installation
