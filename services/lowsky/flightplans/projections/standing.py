"""The local projection of registration: who may fly, and with what, as lowsky.operators.v1 last said.

Held in memory by every worker and read anew at start: the topic is compacted, so that is all there is to know.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from lowsky.flightplans.checks.validity import AircraftStanding, OperatorStanding
from lowsky.priority import Priority


class Standing:
    """What is known of operators and aircraft, by resource name."""

    def __init__(self) -> None:
        self._operators: dict[str, OperatorStanding] = {}
        self._aircraft: dict[str, AircraftStanding] = {}
        self._changed = asyncio.Condition()
        self._waking: asyncio.Task[None] | None = None

    def operator(self, name: str) -> OperatorStanding | None:
        """None: registration never told of it."""
        return self._operators.get(name)

    def aircraft(self, name: str) -> AircraftStanding | None:
        """None: registration never told of it."""
        return self._aircraft.get(name)

    def learn_operator(self, name: str, standing: OperatorStanding) -> None:
        """What registration says now."""
        self._operators[name] = standing
        self._wake()

    def learn_aircraft(self, name: str, standing: AircraftStanding) -> None:
        """What registration says now."""
        self._aircraft[name] = standing
        self._wake()

    def forget(self, name: str) -> None:
        """What is known of an operator or an aircraft no longer holds."""
        self._operators.pop(name, None)
        self._aircraft.pop(name, None)

    def is_fit(self, operator: str, aircraft: str, priority: int = Priority.ORDINARY) -> bool:
        """A verified operator, entitled to that priority, and an aircraft that registration told of."""
        known = self._operators.get(operator)
        return (
            known is not None
            and known.state == "VERIFIED"
            and known.priority_max >= priority
            and aircraft in self._aircraft
        )

    async def await_fit(
        self, operator: str, aircraft: str, timeout_s: float, priority: int = Priority.ORDINARY
    ) -> None:
        """Waits a moment for news of somebody who is not fit to fly yet, or not with this priority: who has just been
        verified or entitled, and submits at once, must not be turned away because the news travels for some
        milliseconds."""
        if self.is_fit(operator, aircraft, priority):
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s), self._changed:
                await self._changed.wait_for(lambda: self.is_fit(operator, aircraft, priority))

    def _wake(self) -> None:
        if self._waking is None or self._waking.done():
            self._waking = asyncio.get_running_loop().create_task(self._notify())

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()
