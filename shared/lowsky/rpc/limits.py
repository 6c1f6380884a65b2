"""Limits on the size of a request, and on how much of a worker one caller, and all callers together, may use.

A message takes up to thirty times its size in memory once it is deserialised, and its rules are evaluated on the event
loop. So size is checked before deserialising, and both calls and bytes in progress are limited.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lowsky.errors import Invalid

KIB: Final = 1024

REQUEST_BYTES_MAX: Final = 64 * KIB
"""Default for methods not named below. The longest texts of a request together take some 30 KiB."""

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
"""Maximum message size of gRPC itself. More than any method accepts, so that a message that is slightly too large is
refused here, with a reason; gRPC's own refusal states only RESOURCE_EXHAUSTED."""

CALLS_MAX: Final = 1_024
"""Unary calls that a worker answers at once. A worker saturates with about 64 callers; the rest are queued."""

CALLS_PER_CALLER_MAX: Final = CALLS_MAX // 2
"""So that one caller always leaves room for others. A fleet uses streams, or about 64 calls at once."""

STREAMS_MAX: Final = 256
"""Calls with a stream of requests (fleets, uploads) that a worker serves at once."""

STREAMS_PER_CALLER_MAX: Final = 32

WATCHES_MAX: Final = 5_000
"""Server-streaming calls that a worker serves at once. Submissions that wait for a decision are not counted."""

WATCHES_PER_PARTY_MAX: Final = WATCHES_MAX // 10
"""Per operator or authority, however many subjects act for it: it takes ten of them to use up all."""

WATCHES_RETRY_AFTER_S: Final = 5.0
"""Watches are long-lived: room does not become free within moments."""

BYTES_IN_FLIGHT_MAX: Final = 16 * 1024 * KIB
"""Serialised requests of all calls in progress. Deserialised they take up to 500 MiB."""

STREAMED_BYTES_MAX: Final = 4 * 1024 * KIB
"""The same for the messages of all streams: a fleet's plan has about 500 bytes, and few have more than 100 KiB."""


def request_bytes_max(method: str) -> int:
    """Maximum size of a serialised request of a method, in bytes.

    Args:
        method: The full path of the method, ``/package.Service/Method``.
    """
    return _LARGER.get(method, REQUEST_BYTES_MAX)


def require_size(method: str, size: int) -> None:
    """Refuses a request that is larger than its method accepts.

    Args:
        size: Size of the serialised request, in bytes.

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
