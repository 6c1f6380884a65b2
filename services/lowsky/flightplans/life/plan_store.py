"""The interface to the storage of plans that the use cases need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from lowsky.flightplans.domain.plan import FlightPlan


class Plans(Protocol):
    """The plans, within one transaction."""

    async def get(self, name: str, *, lock: bool = False) -> FlightPlan: ...

    async def save(self, plans: Sequence[FlightPlan]) -> None: ...
