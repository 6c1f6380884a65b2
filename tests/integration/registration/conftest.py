from __future__ import annotations

import pytest_asyncio

from tests.integration.registration.calls import Registration
from tests.support.installation import Installation


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def registration(installation: Installation) -> Registration:
    """The service, running, for the tests of one module."""
    await installation.start("registration")
    return Registration(installation)
