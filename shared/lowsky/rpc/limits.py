"""How large one request may be, and how much of a worker one caller, and all callers together, may occupy.

A message takes up to thirty times its size in memory once it is deserialised, and its rules are evaluated on the event
loop. So size is checked before deserialising, and both the calls and the bytes under way are bounded.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from lowsky.errors import Invalid, Overloaded

KIB: Final = 1024

REQUEST_BYTES_MAX: Final = 64 * KIB
"""Of a method that is not named below. The longest texts of a request together take some 30 KiB."""

_GEOMETRY_BYTES_MAX: Final = 512 * KIB
"""2 000 waypoints take 100 KiB; 10 000 vertices, the most that ASTM F3548-21 allows, in 500 volumes 280 KiB."""

_AIRSPACE: Final = "/lowsky.api.airspace.v1."
_PLANS: Final = "/lowsky.api.flightplans.v1.FlightPlansService/"

_LARGER: Final[Mapping[str, int]] = {
    _AIRSPACE + "AuthoritiesService/CreateAuthority": _GEOMETRY_BYTES_MAX,
    _AIRSPACE + "AuthoritiesService/UpdateAuthority": _GEOMETRY_BYTES_MAX,
    # A chunk has at most 1 MiB, a header with its mapping far less.
    _AIRSPACE + "GeozonesService/ImportGeozones": 1024 * KIB + 4 * KIB,
    _AIRSPACE + "GeozonesService/CreateRestriction": _GEOMETRY_BYTES_MAX,
    _AIRSPACE + "GeozonesService/CheckAirspace": _GEOMETRY_BYTES_MAX,
    _PLANS + "SubmitFlightPlan": _GEOMETRY_BYTES_MAX,
    _PLANS + "SubmitFlightPlans": _GEOMETRY_BYTES_MAX,
    _PLANS + "ReportFlightPlanState": _GEOMETRY_BYTES_MAX,
    _PLANS + "QueryAirspace": _GEOMETRY_BYTES_MAX,
}

RECEIVED_BYTES_MAX: Final = 2 * max(_LARGER.values())
"""What gRPC itself receives of one message. More than any method takes, so that the refusal of a message that is only
somewhat too large is ours, with a reason; gRPC's own says nothing but RESOURCE_EXHAUSTED."""

CALLS_MAX: Final = 1_024
"""Calls with one request that a worker answers at once. A worker saturates with some 64 callers; the rest is queued."""

CALLS_PER_CALLER_MAX: Final = CALLS_MAX // 2
"""So that one caller always leaves room for others. A fleet uses streams, or some 64 calls at once."""

STREAMS_MAX: Final = 256
"""Calls with a stream of requests (fleets, uploads) that a worker serves at once."""

STREAMS_PER_CALLER_MAX: Final = 32

WATCHES_MAX: Final = 5_000
"""Calls whose answer is a stream that a worker serves at once. Submissions that wait for a decision are not counted."""

WATCHES_PER_PARTY_MAX: Final = WATCHES_MAX // 10
"""Of one operator or authority, however many subjects act for it: ten have to agree to leave nothing for others."""

WATCHES_RETRY_AFTER_S: Final = 5.0
"""Watches last: there is no room a moment later."""

BYTES_IN_FLIGHT_MAX: Final = 16 * 1024 * KIB
"""Requests, as they were received, of all calls under way. Deserialised they take up to 500 MiB."""

STREAMED_BYTES_MAX: Final = 4 * 1024 * KIB
"""The same of the messages of all streams: a fleet's plan has some 500 bytes, and few have more than 100 KiB."""

RETRY_AFTER_S: Final = 0.5


def request_bytes_max(method: str) -> int:
    """How many bytes a request of this method may have, serialised.

    Args:
        method: Its full path, ``/package.Service/Method``.
    """
    return _LARGER.get(method, REQUEST_BYTES_MAX)


def require_size(method: str, size: int) -> None:
    """Refuses a request that is larger than its method takes.

    Args:
        size: Bytes of the serialised request.

    Raises:
        Invalid: TOO_LARGE, with the limit in bytes.
    """
    limit = request_bytes_max(method)
    if size > limit:
        name = method.rpartition("/")[2]
        raise Invalid(
            "TOO_LARGE",
            f"a request of {name} has at most {limit} bytes, this one has {size}: send less, or in several requests",
            metadata={"limit": str(limit), "size": str(size)},
        )


class InFlight:
    """What is under way in this worker. Nothing waits here: what exceeds a limit is refused, to be sent again."""

    def __init__(
        self,
        what: str = "calls with one request",
        *,
        calls_max: int = CALLS_MAX,
        calls_per_caller_max: int = CALLS_PER_CALLER_MAX,
        bytes_max: int = BYTES_IN_FLIGHT_MAX,
        retry_after_s: float = RETRY_AFTER_S,
    ) -> None:
        self._what = what
        self._retry_after_s = retry_after_s
        self._calls_max = calls_max
        self._calls_per_caller_max = calls_per_caller_max
        self._bytes_max = bytes_max
        self._calls = 0
        self._bytes = 0
        self._by_caller: Counter[str] = Counter()

    @contextmanager
    def call(self, caller: str) -> Iterator[None]:
        """Counts a call of a caller (the subject of its token, or its party) for as long as the block lasts.

        Raises:
            Overloaded: This caller, or all together, have as many calls under way as they may have.
        """
        if self._by_caller[caller] >= self._calls_per_caller_max:
            raise Overloaded(
                f"you have {self._calls_per_caller_max} {self._what} under way with this worker, which is the limit: "
                "wait for some to end",
                retry_after_s=self._retry_after_s,
            )
        if self._calls >= self._calls_max:
            raise Overloaded(
                f"this worker has {self._calls_max} {self._what} under way, which is the limit",
                retry_after_s=self._retry_after_s,
            )
        self._calls += 1
        self._by_caller[caller] += 1
        try:
            yield
        finally:
            self._calls -= 1
            self._by_caller[caller] -= 1
            if not self._by_caller[caller]:
                del self._by_caller[caller]

    @contextmanager
    def request(self, size: int) -> Iterator[None]:
        """Counts the bytes of a request for as long as the block lasts.

        Raises:
            Overloaded: The requests under way have as many bytes as this worker holds at once.
        """
        if self._bytes + size > self._bytes_max:
            raise Overloaded(
                f"this worker has requests of {self._bytes} bytes under way, and holds {self._bytes_max} at most",
                retry_after_s=RETRY_AFTER_S,
            )
        self._bytes += size
        try:
            yield
        finally:
            self._bytes -= size


class Room:
    """Bytes of the messages of streams that are under way in this worker. Who finds no room waits for it, first come,
    first served, and so does whoever sends: nothing is refused that others only have to finish first."""

    def __init__(self, bytes_max: int = STREAMED_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._left = bytes_max
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def take(self, size: int) -> int:
        """Waits until there is room for so many bytes, and takes it; gives what was taken, to be given back.

        What is larger than all of the room takes all of it."""
        size = min(size, self._bytes_max)
        if not self._waiting and size <= self._left:
            self._left -= size
            return size
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            # It may have been given room just before it was cancelled.
            self.give(size if turn.done() and not turn.cancelled() else 0)
            raise
        return size

    def give(self, size: int) -> None:
        """Gives room back."""
        self._left += size
        while self._waiting:
            wanted, turn = self._waiting[0]
            if not turn.cancelled():
                if wanted > self._left:
                    return
                self._left -= wanted
                turn.set_result(None)
            self._waiting.popleft()
