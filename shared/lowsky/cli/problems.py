"""Errors for people and scripts: reason, message, each field, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lowsky.cli.deferred import deferred
from lowsky.cli.exits import Exit, exit_of
from lowsky.cli.extras import on_local_stack

if TYPE_CHECKING:
    from lowsky import client as sdk
    from lowsky import missions
    from lowsky.client import channels
else:
    sdk = deferred("lowsky.client")
    missions = deferred("lowsky.missions")
    channels = deferred("lowsky.client.channels")


@dataclass(slots=True)
class Problem(Exception):
    """An error of this command, ready to be shown."""

    reason: str
    message: str
    exit_code: Exit
    advice: str = ""
    code: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    fields: list[dict[str, str]] = field(default_factory=list)
    correlation_id: str = ""
    retry_delay_s: float | None = None

    def document(self) -> dict[str, Any]:
        """For `--output json`."""
        entries: dict[str, Any] = {
            "code": self.code,
            "reason": self.reason,
            "message": self.message,
            "metadata": dict(self.metadata),
            "fields": self.fields,
            "retryDelaySeconds": self.retry_delay_s,
            "advice": self.advice,
            "correlationId": self.correlation_id,
            "exitCode": int(self.exit_code),
        }
        return {"error": {name: value for name, value in entries.items() if value not in ("", None, {}, [])}}


def invalid(reason: str, message: str, advice: str = "") -> Problem:
    """A Problem with invalid input."""
    return Problem(reason, message, Exit.INVALID, advice)


ADVICE: Mapping[str, str] = {
    "TOKEN_MISSING": "set LOWSKY_TOKEN or --token-file; on a local stack: --as operator:NAME, officer:NAME, …",
    "TOKEN_EXPIRED": "get a fresh token",
    "TOKEN_INVALID": "check that the token was issued by the issuer that this installation trusts",
    "ROLE_MISSING": "use a token with a role that may do this",
    "NOT_FOUND": "check the name; what you may not see is not found either",
    "AIRCRAFT_BUSY": "end the aircraft's current flight: lowsky plan end",
    "STALE_ETAG": "it was changed meanwhile: show it again, then repeat",
    "REQUEST_ID_REUSED": "leave --request-id out, or send exactly the same request",
    "OPERATOR_UNKNOWN": "register first: lowsky operators create (a new registration takes a moment to be known)",
    "OPERATOR_NOT_IN_GOOD_STANDING": "the registrar must verify or reinstate the operator first",
    "AIRCRAFT_UNKNOWN": "register it: lowsky aircraft register (a new registration takes a moment to be known)",
    "START_IN_PAST": "give a later --depart",
    "START_TOO_FAR_AHEAD": "file it again nearer to the flight",
    "INSURANCE_MISSING": "`lowsky operators update NAME --insurance-until TIME` states it",
    "CERTIFICATE_MISSING": "`lowsky operators update NAME --certificate NUMBER --certificate-until TIME` states it",
    "CERTIFICATE_EXPIRED": "`lowsky operators update NAME --certificate-until TIME` states the renewed one",
    "INSURANCE_EXPIRED": "state the new date: lowsky operators update NAME --insurance-until",
    "ZONES_REFUSED": "correct the file, or import the valid zones with --on-error accept-valid",
    "AUTHORITY_UNKNOWN": "register it: lowsky authorities create",
    "JOURNAL_OF_ANOTHER": "repeat that run's source and options to resume it; for a new run give other files: "
    "--journal FILE --answers FILE",
    "RESUME_TOKEN_EXPIRED": "watch from now: leave the resume token out, and list what changed meanwhile",
    "COMPLEX_ITEM": "in QGroundControl, save the mission as plain waypoints",
    "UNSUPPORTED_FORMAT": "give a QGroundControl .plan, or a FlightPlan message as .json",
}

_ADVICE_OF_EXIT = {
    Exit.UNAVAILABLE: "try again in a moment" + on_local_stack("; for a local stack, see `lowsky status`"),
    Exit.DENIED: ADVICE["TOKEN_MISSING"],
}


def of_api_error(error: sdk.LowskyApiError) -> Problem:
    """The Problem of an error of a service."""
    code = exit_of(error)
    return Problem(
        error.reason,
        error.message,
        code,
        _advice(error) or _ADVICE_OF_EXIT.get(code, ""),
        code=error.code,
        metadata=error.metadata,
        fields=[{"field": v.field, "message": v.message, "reason": v.reason} for v in error.fields],
        correlation_id=error.correlation_id,
        retry_delay_s=error.retry_delay_s,
    )


def _advice(error: sdk.LowskyApiError) -> str:
    digest = error.metadata.get("digest", "")
    if error.reason == "REMOVAL_NOT_CONFIRMED" and digest:
        return f"see what is removed with --dry-run; if it is intended, run it again with --confirm {digest}"
    return ADVICE.get(error.reason, "")


def of_mission(error: missions.UnreadableMission) -> Problem:
    """The Problem of a mission file that cannot be read."""
    problem = invalid(error.reason, error.message, ADVICE.get(error.reason, ""))
    if error.item is not None:
        problem.metadata = {"item": str(error.item + 1)}
    if error.field:
        problem.fields = [{"field": error.field, "message": error.message}]
    return problem


def of_any(error: Exception) -> Problem | None:
    """The Problem of an exception; None for an unexpected one."""
    match error:
        case Problem():
            return error
        case sdk.LowskyApiError():
            return of_api_error(error)
        case missions.UnreadableMission():
            return of_mission(error)
        case channels.MissingEndpoint():
            return Problem(
                "NO_ENDPOINT",
                f"the address of {error.service} is not known",
                Exit.UNAVAILABLE,
                f"set LOWSKY_{error.service.upper()} to its host:port",
            )
        case OSError() if error.filename is not None:
            return invalid("UNREADABLE_FILE", f"{error.filename}: {error.strerror or error}")
        case _:
            return None
