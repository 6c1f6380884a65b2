"""Whether this worker serves, and which of its parts are not available.

Each part that a worker depends on (the database, the event log, its view of the airspace) reports here. grpc.health.v1
publishes each under its own name, and the overall status under the empty name.
"""

from __future__ import annotations

import structlog
from grpc_health.v1 import health_pb2
from grpc_health.v1.health import aio as health_aio

from lowsky.errors import Unavailable

log = structlog.get_logger()

DATABASE = "database"
EVENTS = "events"
KEYS = "keys"

_REASONS = {DATABASE: "DATABASE_UNAVAILABLE", EVENTS: "EVENTS_UNAVAILABLE", KEYS: "KEYS_UNAVAILABLE"}


class Health:
    """The parts and their standing. A part counts as lost until it first reports."""

    def __init__(self) -> None:
        self.servicer = health_aio.HealthServicer()
        self._lost: dict[str, str] = {}
        self._only_writes: set[str] = set()
        self._only_told: set[str] = set()
        self._refuses_nothing: set[str] = set()
        self.stopping = False

    async def expect(
        self, part: str, *, only_writes: bool = False, only_told: bool = False, refuses: bool = True
    ) -> None:
        """Registers a part. With only_writes, reads continue while it is lost; with only_told, all calls continue and
        the overall status is SERVING: only the part's own status shows it. Without refuses, calls that reach this
        worker are answered, but the overall status is NOT_SERVING, so that callers use another worker."""
        if not refuses:
            self._refuses_nothing.add(part)
        if only_writes:
            self._only_writes.add(part)
        if only_told:
            self._only_told.add(part)
        self._lost[part] = "not reached yet"
        await self._publish(part)

    async def report(self, part: str, problem: str | None) -> None:
        """A part is well (None) or lost, and why."""
        before = self._lost.get(part)
        if problem is None:
            self._lost.pop(part, None)
        else:
            self._lost[part] = problem
        if (before is None) != (problem is None):
            log.warning("part lost" if problem else "part well", part=part, problem=problem)
            await self._publish(part)

    async def stop(self) -> None:
        """Stops serving."""
        self.stopping = True
        await self.servicer.enter_graceful_shutdown()

    @property
    def problems(self) -> dict[str, str]:
        """The parts that are lost, and why."""
        return dict(self._lost)

    def require(self, *, writes: bool) -> None:
        """Refuses a call that could not be answered, quickly and with a hint when to come back.

        Raises:
            Unavailable: A part that the call needs is lost, or the worker is stopping.
        """
        if self.stopping:
            raise Unavailable("SHUTTING_DOWN", "this worker is shutting down", retry_after_s=0.2)
        for part, problem in self._lost.items():
            if part in self._only_told or part in self._refuses_nothing:
                continue
            if writes or part not in self._only_writes:
                raise Unavailable(_REASONS.get(part, "NOT_CAUGHT_UP"), f"{part}: {problem}", retry_after_s=1.0)

    async def _publish(self, part: str) -> None:
        serving, lost = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
        await self.servicer.set(part, lost if part in self._lost else serving)
        await self.servicer.set("", lost if self._lost.keys() - self._only_told else serving)
