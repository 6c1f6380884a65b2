"""Whether this worker serves, and which of its parts are unavailable.

Each part that a worker depends on (the database, the event log, its view of the airspace) reports here. grpc.health.v1
reports each under its own name, and all of them together under the empty name.
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
    """The parts and their state. A part is unavailable until it first reports."""

    def __init__(self) -> None:
        self.servicer = health_aio.HealthServicer()
        self._unavailable: dict[str, str] = {}
        self._reached: set[str] = set()
        self._only_writes: set[str] = set()
        self._only_told: set[str] = set()
        self._refuses_nothing: set[str] = set()
        self.stopping = False

    async def expect(
        self, part: str, *, only_writes: bool = False, only_told: bool = False, refuses: bool = True
    ) -> None:
        """Registers a part.

        Args:
            only_writes: While it is unavailable, reads are still answered.
            only_told: While it is unavailable, everything is still answered and the worker as a whole reports SERVING:
                only the part's own name reports NOT_SERVING.
            refuses: If false, calls are still answered while it is unavailable, but the worker reports NOT_SERVING, so
                that callers go to another one.
        """
        if not refuses:
            self._refuses_nothing.add(part)
        if only_writes:
            self._only_writes.add(part)
        if only_told:
            self._only_told.add(part)
        self._unavailable[part] = "not reached yet"
        await self._publish(part)

    async def report(self, part: str, problem: str | None) -> None:
        """Reports a part as healthy (None) or unavailable, with the reason."""
        before = self._unavailable.get(part)
        if problem is None:
            self._unavailable.pop(part, None)
        else:
            self._unavailable[part] = problem
        if (before is None) != (problem is None):
            if problem is None and part not in self._reached:
                log.info("part ready", part=part)
            else:
                log.warning("part lost" if problem else "part well", part=part, problem=problem)
            await self._publish(part)
        if problem is None:
            self._reached.add(part)

    async def stop(self) -> None:
        """Stops serving: every call is refused from now on."""
        self.stopping = True
        await self.servicer.enter_graceful_shutdown()

    @property
    def problems(self) -> dict[str, str]:
        """The unavailable parts, with the reason of each."""
        return dict(self._unavailable)

    def require(self, *, writes: bool) -> None:
        """Refuses at once a call that could not be answered, with a delay after which to retry.

        Raises:
            Unavailable: A part that the call needs is unavailable, or the worker is shutting down.
        """
        if self.stopping:
            raise Unavailable("SHUTTING_DOWN", "this worker is shutting down", retry_after_s=0.2)
        for part, problem in self._unavailable.items():
            if part in self._only_told or part in self._refuses_nothing:
                continue
            if writes or part not in self._only_writes:
                raise Unavailable(_REASONS.get(part, "NOT_CAUGHT_UP"), f"{part}: {problem}", retry_after_s=1.0)

    async def _publish(self, part: str) -> None:
        serving, not_serving = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
        await self.servicer.set(part, not_serving if part in self._unavailable else serving)
        await self.servicer.set("", not_serving if self._unavailable.keys() - self._only_told else serving)
