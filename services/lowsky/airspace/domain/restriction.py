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
"""Flights are filed at most 90 days ahead (LAANC): a restriction that lasts longer than any planning horizon is not
temporary, and belongs in a published dataset."""

AHEAD_MAX = timedelta(days=366)
"""How far ahead it may begin: yearly events are known a year before; anything later is likely a typing error."""

IN_FORCE_MAX = 1_000
"""Restrictions of one authority at once: far more than officers create by hand, and it bounds the memory that a faulty
client can use in every worker."""

DATASET_PREFIX = "datasets/restrictions-"
"""Datasets with this prefix are reserved for restrictions: imports into them are refused."""


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
    """The restriction that an officer requests."""

    authority: str
    """``authorities/x``, the officer's own."""
    restriction: Restriction
    layer: Layer
    outline_field: str
    """The request field that errors about the outline name."""
    window: Window
    title: str
    reason: str
    notified: Sequence[str] = ()
    """``authorities/x`` of the authorities to be notified."""


def dataset_of(authority: str) -> str:
    """The dataset of an authority's restrictions."""
    return DATASET_PREFIX + authority.removeprefix("authorities/")


def authority_of(name: str) -> str:
    """The authority that a restriction belongs to, from the name of its geozone.

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
        raise Invalid.field("volume.time_end", "the end of the restriction is in the past")
    if window.end - window.start > DURATION_MAX:
        raise Invalid.field("volume.time_end", f"a restriction lasts at most {DURATION_MAX.days} days")
    if window.start > now + AHEAD_MAX:
        raise Invalid.field("volume.time_start", f"a restriction begins at most {AHEAD_MAX.days} days ahead")


def require_band(band: AltitudeBand) -> None:
    """Raises Invalid, which names the field, for a band that is empty or relative to a take-off point."""
    for limit, datum in (("lower", band.lower_datum), ("upper", band.upper_datum)):
        if datum is Datum.TAKEOFF:
            raise Invalid.field(f"volume.altitude.{limit}_datum", "a zone has no take-off point to measure from")
    if band.lower_datum is band.upper_datum and band.upper_m <= band.lower_m:
        raise Invalid.field("volume.altitude.upper_m", "the ceiling is not above the floor", "INTERVAL_REVERSED")


def require_within_area(authority: Authority, outline: Polygon | MultiPolygon, field: str) -> None:
    """Raises Precondition where an authority has no area, or where the outline, of `field`, extends beyond it."""
    area = authority.profile.area
    if area is None:
        raise Precondition(
            "AUTHORITY_AREA_UNKNOWN",
            f"{authority.name} has no area to restrict flying in; ask an administrator to set one",
            metadata={"resource": authority.name},
        )
    if not area.covers(outline):
        message = f"the outline extends beyond the area of {authority.name}"
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
    """The zone: the authority decides in it, or is named for information where it is prohibited; others are notified.

    Args:
        notified: Display name of each authority to be notified, by resource name.
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
    """Display names of the authorities to be notified.

    Raises:
        Precondition: One is not registered.
    """
    for name in wanted:
        if name not in registered:
            raise Precondition("AUTHORITY_UNKNOWN", f"{name} is not registered", metadata={"resource": name})
    return {name: registered[name] for name in wanted}
