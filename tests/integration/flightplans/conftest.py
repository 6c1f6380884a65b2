"""A worker of flightplans in an inhabited world, for each module."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.integration.flightplans.world import SERVICE, World
from tests.support.installation import Installation


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(installation: Installation) -> AsyncIterator[World]:
    """One worker, two operators, three zones."""
    new = World(installation)
    await installation.start(SERVICE)
    await new.inhabit()
    yield new
