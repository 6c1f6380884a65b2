"""A geozone: a volume of airspace with a restriction, its times and its authorities.

The names follow ED-318 (`UASZoneVersion`); ED-269 differs in spelling only and is read into the same. Shared, because
the airspace service publishes geozones and the flightplans service checks plans against them. Pure: no I/O, no
protobuf.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from shapely import MultiPolygon, Polygon

from lowsky.geo.heights.altitude import AltitudeBand
from lowsky.geo.schedules.applicability import PERMANENT, Applicability
from lowsky.geo.shapes.centre_lines import CentreLine


class Restriction(StrEnum):
    """What a zone asks of a flight (ED-318 `zoneType`; ED-269 `restriction`)."""

    PROHIBITED = "PROHIBITED"
    REQ_AUTHORIZATION = "REQ_AUTHORIZATION"
    CONDITIONAL = "CONDITIONAL"
    USPACE = "USPACE"
    NO_RESTRICTION = "NO_RESTRICTION"


class Purpose(StrEnum):
    """Why a zone names an authority (ED-318 `authorityRole`)."""

    AUTHORIZATION = "AUTHORIZATION"
    """It must decide."""
    NOTIFICATION = "NOTIFICATION"
    """It is told, `interval_before` the flight."""
    INFORMATION = "INFORMATION"
    """It can be asked."""


@dataclass(frozen=True, slots=True)
class LocalizedText:
    """A text and its language, a BCP 47 tag as published, None where none is given."""

    text: str
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Layer:
    """One volume of a zone.

    `outline` is in lon, lat degrees, valid, not empty, cut at the antimeridian; its edges are straight in lon/lat
    (RFC 7946). Of a circle, `circle` says where it is, and the outline no more than contains it.
    `sure` is what the layer has of ground under every reading, where that is less: of a zone without restriction, which
    permits flying no further than that.
    """

    outline: Polygon | MultiPolygon
    altitude: AltitudeBand
    circle: CentreLine | None = None
    sure: Polygon | MultiPolygon | None = None


@dataclass(frozen=True, slots=True)
class ZoneAuthority:
    """An authority that a zone names.

    `authority` is the resource name `authorities/{authority}` once the published name has been matched to one, else
    None.
    `interval_before` is how long before the flight it wants to be asked or told.
    """

    names: tuple[LocalizedText, ...]
    purpose: Purpose
    service: tuple[LocalizedText, ...] = ()
    contacts: tuple[LocalizedText, ...] = ()
    site_url: str = ""
    email: str = ""
    phone: str = ""
    interval_before: timedelta | None = None
    authority: str | None = None


@dataclass(frozen=True, slots=True)
class Geozone:
    """One published zone.

    A flight is in the zone when it is in any of its layers while the zone applies. `variant` is COMMON or CUSTOMIZED,
    `reasons` are ED-318's `zoneReason` codes, or a publisher's own.

    Raises:
        ValueError: without an identifier or without a layer, or where the least ground exceeds the greatest.
    """

    identifier: str
    country: str
    names: tuple[LocalizedText, ...]
    restriction: Restriction
    layers: tuple[Layer, ...]
    applicability: Applicability = PERMANENT
    authorities: tuple[ZoneAuthority, ...] = ()
    variant: str = "COMMON"
    reasons: tuple[str, ...] = ()
    other_reasons: tuple[LocalizedText, ...] = ()
    messages: tuple[LocalizedText, ...] = ()
    conditions: str = ""
    """`restrictionConditions`, verbatim."""
    region: int | None = None
    regulation_exemption: bool | None = None
    terrain_m: tuple[float, float] | None = None
    """Least and greatest elevation of the ground below it, in metres above mean sea level, where its publisher says."""
    publisher: str = ""
    """`authorities/{authority}` that answers for its dataset, once it is known."""

    def __post_init__(self) -> None:
        if not self.identifier.strip():
            raise ValueError("a geozone has an identifier")
        if not self.layers:
            raise ValueError(f"geozone {self.identifier} has no layer")
        if self.terrain_m is not None and not self.terrain_m[0] <= self.terrain_m[1]:
            raise ValueError(f"the least ground of geozone {self.identifier} exceeds its greatest")

    def authorities_for(self, purpose: Purpose) -> tuple[ZoneAuthority, ...]:
        """The authorities named for that purpose, in published order."""
        return tuple(authority for authority in self.authorities if authority.purpose is purpose)
