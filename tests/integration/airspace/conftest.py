"""The airspace service, running."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.integration.airspace.publishing import Publisher, new_publisher
from tests.support.installation import Installation


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def airspace(installation: Installation) -> AsyncIterator[Installation]:
    """An installation with the airspace service."""
    await installation.start("airspace")
    yield installation


@pytest_asyncio.fixture(loop_scope="session")
async def publisher(airspace: Installation) -> Publisher:
    """A publisher of an authority of its own."""
    return await new_publisher(airspace)
