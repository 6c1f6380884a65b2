"""What the geofence does not answer, told alike to those who plan and to those who only ask."""

from __future__ import annotations

from collections.abc import Sequence

from lowsky.errors import Invalid, Precondition
from lowsky.findings.finding import FINDINGS_MAX, Finding
from lowsky.geo.zones.index import ZoneIndex


def require_airspace(zones: ZoneIndex[object]) -> None:
    """Refuses while nobody has published anything: then nothing can be said to be free.

    Raises:
        Precondition: NO_AIRSPACE.
    """
    if zones.revision == 0:
        raise Precondition("NO_AIRSPACE", "no authority has published any airspace here yet")


def require_few(found: Sequence[Finding], field: str) -> None:
    """Refuses a flight that meets more than can be kept with it: none is left out quietly.

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
