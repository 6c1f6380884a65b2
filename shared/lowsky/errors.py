"""Everything that can go wrong, as one tree that knows no transport.

    LowskyError
    ├── Refused                    asked as it is, it will not be done
    │   ├── Invalid                a field is wrong
    │   ├── RequestIdReused        the request id came with another request before
    │   ├── Unauthenticated        the caller is unknown
    │   ├── Forbidden              the caller is known, but may not do this
    │   ├── NotFound               is not there, or not yours to see
    │   ├── AlreadyExists
    │   ├── Precondition           the state of things does not allow it
    │   │   └── IllegalMove        the state machine does not
    │   ├── StaleEtag              the resource has changed since it was read
    │   └── OutOfRange             a position that is no longer kept
    ├── Overloaded                 too much at once; retry later
    └── Unavailable                a dependency is not available; retry soon

``reason`` is one of lowsky.api.errors.v1.Reason without its prefix (a test compares). ``message`` is for the caller;
what only we should read goes into the log, never into the message. One interceptor maps the tree to a status.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

RESOURCE_NAME_SHOWN = 300
"""Characters of a name from a request that go into an answer."""


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """A field at fault: its path in the request (``flight_plan.aircraft``) and what is wrong."""

    field: str
    message: str
    reason: str = "INVALID_FIELD"


class LowskyError(Exception):
    """The root: a machine-readable reason, a message for people, metadata for both."""

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        metadata: Mapping[str, str] | None = None,
        fields: Sequence[FieldViolation] = (),
        details: Sequence[object] = (),
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.metadata = dict(metadata or {})
        self.fields = tuple(fields)
        self.details = tuple(details)
        """Messages that go with the status as they are: a report of what was refused. A few kilobytes at most: they
        travel in the trailers, which clients bound (8 kB is usual)."""

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"


class Refused(LowskyError):
    """Asked as it is, it will not be done: a retry does not help."""


class Invalid(Refused):
    """One or more fields are wrong."""

    @classmethod
    def field(cls, field: str, message: str, reason: str = "INVALID_FIELD", **metadata: str) -> Invalid:
        """One field is wrong."""
        return cls(reason, message, metadata=metadata, fields=[FieldViolation(field, message, reason)])


class RequestIdReused(Refused):
    """The request id came before, with another request."""

    def __init__(self) -> None:
        message = "this request id was used before with another request; a new request needs a new id"
        super().__init__(
            "REQUEST_ID_REUSED", message, fields=[FieldViolation("request_id", message, "REQUEST_ID_REUSED")]
        )


class Unauthenticated(Refused):
    """The caller is unknown."""


class Forbidden(Refused):
    """None of the caller's roles may do this."""


class NotFound(Refused):
    """It does not exist, or is not the caller's to see: the two look alike on purpose."""

    def __init__(self, name: str) -> None:
        # A status travels in headers, which are limited: a name of ours is never so long.
        name = name[:RESOURCE_NAME_SHOWN]
        super().__init__("NOT_FOUND", f"{name} was not found", metadata={"resource": name})


class AlreadyExists(Refused):
    """The id, or an identifier that must be unique, is taken."""

    def __init__(self, message: str, *, field: str, **metadata: str) -> None:
        fields = [FieldViolation(field, message, "ALREADY_EXISTS")]
        super().__init__("ALREADY_EXISTS", message, metadata=metadata, fields=fields)


class Precondition(Refused):
    """The state of things does not allow it."""


class IllegalMove(Precondition):
    """The state machine has no such move from here."""

    def __init__(self, subject: str, state: str, move: str) -> None:
        super().__init__(
            "ILLEGAL_MOVE",
            f"{subject} is {state}: it cannot be {move}",
            metadata={"resource": subject, "state": state, "move": move},
        )


class StaleEtag(Refused):
    """The resource has changed since the caller read it."""

    def __init__(self, name: str) -> None:
        super().__init__(
            "STALE_ETAG", f"{name} has changed since it was read; read it again", metadata={"resource": name}
        )


class OutOfRange(Refused):
    """A position in a stream that is no longer kept."""


class Overloaded(LowskyError):
    """More than is queued; the same request may be sent again after ``retry_after_s``."""

    def __init__(self, message: str, *, retry_after_s: float = 1.0) -> None:
        super().__init__("OVERLOADED", message)
        self.retry_after_s = retry_after_s


class Unavailable(LowskyError):
    """A dependency is not available; the same request may be sent again after ``retry_after_s``."""

    def __init__(self, reason: str, message: str, *, retry_after_s: float = 1.0) -> None:
        super().__init__(reason, message)
        self.retry_after_s = retry_after_s
