"""Exit codes, on which scripts may rely."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from lowsky.cli.deferred import deferred

if TYPE_CHECKING:
    from lowsky.client import errors
else:
    errors = deferred("lowsky.client.errors")


class Exit(IntEnum):
    """The code of a command; `up`, `status` and `down` have codes of their own."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    INVALID = 3
    """A file or a request that breaks a rule."""
    NOT_FOUND = 4
    DENIED = 5
    """Not authenticated, or not allowed."""
    CONFLICT = 6
    """Not possible in the current state: a precondition, a name that is taken, a stale etag."""
    UNAVAILABLE = 7
    """The service does not answer, or not in time."""
    PLAN_REJECTED = 8
    PLAN_UNDECIDED = 9
    """Officers have yet to decide, or the decision did not come within the time waited."""
    SOME_FAILED = 10
    """Some of many flights were refused or could not be read: see the answers."""
    INTERRUPTED = 130


HELP = """Exit codes: 0 done · 1 unexpected · 2 usage · 3 invalid input · 4 not found · 5 not signed in or denied ·
6 precondition or conflict · 7 unavailable or too late · 8 plan rejected · 9 plan under review or undecided ·
10 some of many refused or unreadable · 130 interrupted. (up, down, restart and status: see their help.)

They report the result of the operation, whether or not it could be printed. A closed pipe (`| head`) changes nothing.
What cannot be written to standard output goes to standard error; a change then keeps its code, a read ends with 1.
Characters that the terminal's encoding lacks are printed as "?", in JSON as \\u escapes."""


def exit_of(error: errors.LowskyApiError) -> Exit:
    """The exit code for an error of a service."""
    match error:
        case errors.InvalidArgument() | errors.OutOfRange():
            return Exit.INVALID
        case errors.NotFound():
            return Exit.NOT_FOUND
        case errors.Unauthenticated() | errors.PermissionDenied():
            return Exit.DENIED
        case errors.AlreadyExists() | errors.FailedPrecondition() | errors.Aborted():
            return Exit.CONFLICT
        case errors.Unavailable() | errors.DeadlineExceeded() | errors.ResourceExhausted():
            return Exit.UNAVAILABLE
    return Exit.UNEXPECTED
