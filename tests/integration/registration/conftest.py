from __future__ import annotations

import pytest_asyncio

from tests.integration.registration.calls import IDENTIFIER_KEY, Registration
from tests.support.installation import Installation


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def registration(installation: Installation) -> Registration:
    """The service, running, for the tests of one module."""
    await installation.start("registration", env={"LOWSKY_IDENTIFIER_KEY": IDENTIFIER_KEY})
    return Registration(installation)
