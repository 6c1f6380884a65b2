"""Temporary restrictions: zones that an officer draws within the area of the authority, and their limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shapely import MultiPolygon, Polygon

from lowsky.airspace.domain.authority import Authority
from lowsky.errors import Invalid, NotFound, Precondition
from lowsky.geo.heights.altitude import AltitudeBand, Datum
from lowsky.geo.schedules.applicability import Applicability, Period
from lowsky.geo.zones.geozone import Geozone, Layer, LocalizedText, Purpose, Restriction, ZoneAuthority

DURATION_MAX = timedelta(days=90)
"""Flights are filed up to 90 days ahead at most (LAANC): what lasts longer than anybody can plan is no longer
temporary, and belongs into a published dataset."""

AHEAD_MAX = timedelta(days=366)
"""How far ahead it may begin: yearly events are known a year before; anything later is a slip of the pen."""

IN_FORCE_MAX = 1_000
"""Restrictions of one authority at once: far beyond what officers draw by hand, and it bounds what a client that runs
wild can put into every worker's memory."""

DATASET_PREFIX = "datasets/restrictions-"
"""Datasets of this name are the service's own: nobody imports into them."""


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` until before `end`. Raises Invalid, which names the field, for a time that is reversed."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise Invalid.field("volume.time_end", "the end is not after the start", "INTERVAL_REVERSED")


@dataclass(frozen=True, slots=True)
class Drawing:
    """What an officer draws."""

    authority: str
    """``authorities/x``, the officer's own."""
    restriction: Restriction
    layer: Layer
    outline_field: str
    """Of the request: what a refusal of the outline names."""
    window: Window
    title: str
    reason: str
    notified: Sequence[str] = ()
    """``authorities/x`` of those to be told."""


def dataset_of(authority: str) -> str:
    """The dataset of an authority's restrictions."""
    return DATASET_PREFIX + authority.removeprefix("authorities/")


def authority_of(name: str) -> str:
    """Whose restriction a geozone is, by its name.

    Raises:
        NotFound: It is no restriction, but a published zone.
    """
    dataset, _, identifier = name.removeprefix("geozones/").partition(".")
    authority = f"datasets/{dataset}".removeprefix(DATASET_PREFIX)
    if authority.startswith("datasets/") or not identifier:
        raise NotFound(name)
    return f"authorities/{authority}"


def require_window(window: Window, now: datetime) -> None:
    """Raises Invalid, which names the field, for a time that is over, too long or too far ahead."""
    if window.end <= now:
        raise Invalid.field("volume.time_end", "the restriction would be over already")
    if window.end - window.start > DURATION_MAX:
        raise Invalid.field("volume.time_end", f"a restriction lasts at most {DURATION_MAX.days} days")
    if window.start > now + AHEAD_MAX:
        raise Invalid.field("volume.time_start", f"a restriction begins at most {AHEAD_MAX.days} days ahead")


def require_band(band: AltitudeBand) -> None:
    """Raises Invalid, which names the field, for a band that is empty or hangs on a take-off point."""
    for limit, datum in (("lower", band.lower_datum), ("upper", band.upper_datum)):
        if datum is Datum.TAKEOFF:
            raise Invalid.field(f"volume.altitude.{limit}_datum", "a zone has no take-off point to measure from")
    if band.lower_datum is band.upper_datum and band.upper_m <= band.lower_m:
        raise Invalid.field("volume.altitude.upper_m", "the ceiling is not above the floor", "INTERVAL_REVERSED")


def require_within_area(authority: Authority, outline: Polygon | MultiPolygon, field: str) -> None:
    """Raises Precondition where an authority has no area, or where the outline, of that field, reaches out of it."""
    area = authority.profile.area
    if area is None:
        raise Precondition(
            "AUTHORITY_AREA_UNKNOWN",
            f"{authority.name} has no area to restrict in; an administrator sets it",
            metadata={"resource": authority.name},
        )
    if not area.covers(outline):
        message = f"the outline reaches out of the area of {authority.name}"
        raise Precondition("OUTSIDE_AREA", message, metadata={"resource": authority.name, "field": field})


def require_room(authority: str, in_force: int) -> None:
    """Raises Precondition where an authority has as many restrictions as it may have."""
    if in_force >= IN_FORCE_MAX:
        raise Precondition(
            "TOO_MANY_RESTRICTIONS",
            f"{authority} has {in_force} restrictions, the most it may have; lift some",
            metadata={"resource": authority, "limit": str(IN_FORCE_MAX)},
        )


def draw(identifier: str, authority: Authority, drawing: Drawing, notified: Mapping[str, str]) -> Geozone:
    """The zone: the authority decides in it, or answers for it where it is closed; others are told.

    Args:
        notified: Display name of each authority to be told, by resource name.
    """
    deciding = Purpose.AUTHORIZATION if drawing.restriction is Restriction.REQ_AUTHORIZATION else Purpose.INFORMATION
    own = ZoneAuthority(
        (LocalizedText(authority.profile.display_name),),
        deciding,
        email=authority.profile.email,
        phone=authority.profile.phone,
        authority=authority.name,
    )
    others = (
        ZoneAuthority((LocalizedText(called),), Purpose.NOTIFICATION, authority=name)
        for name, called in notified.items()
    )
    return Geozone(
        identifier=identifier,
        country=authority.country,
        names=(LocalizedText(drawing.title),),
        restriction=drawing.restriction,
        layers=(drawing.layer,),
        applicability=Applicability((Period(drawing.window.start, drawing.window.end),)),
        authorities=(own, *others),
        reasons=("OTHER",),
        other_reasons=(LocalizedText(drawing.reason),),
        messages=(LocalizedText(drawing.reason),),
        publisher=authority.name,
    )


def notified_among(registered: Mapping[str, str], wanted: Sequence[str]) -> dict[str, str]:
    """Display names of those to be told.

    Raises:
        Precondition: One is not registered.
    """
    for name in wanted:
        if name not in registered:
            raise Precondition("AUTHORITY_UNKNOWN", f"{name} is not registered", metadata={"resource": name})
    return {name: registered[name] for name in wanted}
