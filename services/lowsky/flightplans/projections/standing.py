"""The local projection of registration: which operators and aircraft may fly, according to lowsky.operators.v1.

Every worker keeps it in memory and reads the topic from the beginning at start: the topic is compacted, so that it
contains the last state of each.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from lowsky.flightplans.checks.validity import AircraftStanding, OperatorStanding
from lowsky.priority import Priority


class Standing:
    """The last known standing of operators and aircraft, by resource name."""

    def __init__(self) -> None:
        self._operators: dict[str, OperatorStanding] = {}
        self._aircraft: dict[str, AircraftStanding] = {}
        self._changed = asyncio.Condition()
        self._waking: asyncio.Task[None] | None = None

    def operator(self, name: str) -> OperatorStanding | None:
        """The standing of an operator; None if registration has not published it."""
        return self._operators.get(name)

    def aircraft(self, name: str) -> AircraftStanding | None:
        """The standing of an aircraft; None if registration has not published it."""
        return self._aircraft.get(name)

    def learn_operator(self, name: str, standing: OperatorStanding) -> None:
        """Sets the current standing of an operator."""
        self._operators[name] = standing
        self._wake()

    def learn_aircraft(self, name: str, standing: AircraftStanding) -> None:
        """Sets the current standing of an aircraft."""
        self._aircraft[name] = standing
        self._wake()

    def forget(self, name: str) -> None:
        """Removes the standing of an operator or aircraft, which is no longer valid."""
        self._operators.pop(name, None)
        self._aircraft.pop(name, None)

    def is_fit(self, operator: str, aircraft: str, priority: int = Priority.ORDINARY) -> bool:
        """Whether the operator is verified and entitled to that priority, and the aircraft is known."""
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
        """Waits briefly until the operator and the aircraft are fit, or the timeout passes: an operator that has just
        been verified or entitled must not be refused because the event takes some milliseconds to arrive."""
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
