"""When a call is retried, and after how long.

Reads, and mutations with a request id (the same request is sent again, and the server executes it only once), are
retried after UNAVAILABLE, a lost connection, or RESOURCE_EXHAUSTED with a retry delay. Nothing else is: ABORTED means
that another caller changed the resource first, and only the caller can judge that change.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from lowsky.client.errors import LowskyApiError, ResourceExhausted, Unavailable

_random = secrets.SystemRandom()


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with full jitter, always within the call's deadline."""

    first_pause_s: float = 0.1
    """Maximum of the first pause; it doubles with each further one."""
    pause_max_s: float = 5.0
    """Maximum pause: a server restarts within seconds, and longer pauses only make people wait."""
    tries_max: int = 8
    """Attempts of one call, including the first. About 10 s on average, as long as the default deadline."""
    stream_tries_max: int = 40
    """Consecutive attempts of a stream, which has no deadline: about 90 s on average, enough to outlast a restart."""

    def for_streams(self) -> RetryPolicy:
        """The policy for streams: with more attempts."""
        return replace(self, tries_max=self.stream_tries_max)

    def pause_s(self, error: LowskyApiError, failures: int) -> float | None:
        """How long to wait after this many consecutive failures (1, 2, …); None if a retry is of no use."""
        if failures >= self.tries_max or not may_pass(error):
            return None
        ceiling_s = min(self.pause_max_s, self.first_pause_s * 2 ** (failures - 1))
        return (error.retry_delay_s or 0.0) + _random.uniform(0.0, ceiling_s)


def may_pass(error: LowskyApiError) -> bool:
    """Whether the error is transient: the same call may succeed a little later."""
    return isinstance(error, Unavailable) or (isinstance(error, ResourceExhausted) and error.retry_delay_s is not None)
