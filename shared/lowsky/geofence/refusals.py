"""Requests that the geofence refuses, with the same errors for flight plans and for checks without a plan."""

from __future__ import annotations

from collections.abc import Sequence

from lowsky.errors import Invalid, Precondition
from lowsky.findings.finding import FINDINGS_MAX, Finding
from lowsky.geo.zones.index import ZoneIndex


def require_airspace(zones: ZoneIndex[object]) -> None:
    """Refuses while no airspace has been published: without it no flight can be cleared.

    Raises:
        Precondition: NO_AIRSPACE.
    """
    if zones.revision == 0:
        raise Precondition("NO_AIRSPACE", "no authority has published any airspace here yet")


def require_few(found: Sequence[Finding], field: str) -> None:
    """Refuses a flight with more findings than can be stored with it: none is dropped silently.

    Args:
        field: Of the flight, in the request.

    Raises:
        Invalid: TOO_LARGE.
    """
    if len(found) > FINDINGS_MAX:
        raise Invalid.field(
            field,
            f"the flight meets {len(found)} zones, more than {FINDINGS_MAX}: split it",
            "TOO_LARGE",
            limit=str(FINDINGS_MAX),
        )
