"""Every service is sent extremes: a new one needs the tests that its neighbours have."""

from __future__ import annotations

import pytest

from tests.architecture.contract import ROOT, services


@pytest.mark.parametrize("package", sorted({service.file.package.split(".")[2] for service in services()}))
def test_every_service_is_sent_messages_at_their_extremes(package: str) -> None:
    assert (ROOT / "tests" / "integration" / package / "test_extremes.py").exists()
