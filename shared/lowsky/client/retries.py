"""When a call is tried again, and after how long.

Tried again are reads, and changes that carry a request id (the very same request is sent again, and the server answers
it once only), after UNAVAILABLE, a lost connection, or RESOURCE_EXHAUSTED that says when to come back. Nothing else is:
ABORTED means that somebody else was faster, and only the caller can judge what they did.
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
    """Longest first pause; each further one may be twice as long."""
    pause_max_s: float = 5.0
    """A server that restarts is back within seconds; longer pauses only keep people waiting."""
    tries_max: int = 8
    """Of one call, the first included. Some 10 s on average, as long as the default deadline."""
    stream_tries_max: int = 40
    """In a row, of a stream, which has no deadline: some 90 s on average. A fleet's submission outlasts a restart."""

    def for_streams(self) -> RetryPolicy:
        """The same, as patient as a stream should be."""
        return replace(self, tries_max=self.stream_tries_max)

    def pause_s(self, error: LowskyApiError, failures: int) -> float | None:
        """How long to wait after so many failures in a row (1, 2, …); None when another try is of no use."""
        if failures >= self.tries_max or not may_pass(error):
            return None
        ceiling_s = min(self.pause_max_s, self.first_pause_s * 2 ** (failures - 1))
        return (error.retry_delay_s or 0.0) + _random.uniform(0.0, ceiling_s)


def may_pass(error: LowskyApiError) -> bool:
    """Whether the same call may succeed a little later."""
    return isinstance(error, Unavailable) or (isinstance(error, ResourceExhausted) and error.retry_delay_s is not None)
