"""The members that both dialects share, under the same names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lowsky.airspace.reading.attributes.authorities import read_authorities
from lowsky.airspace.reading.attributes.json_values import (
    code,
    empty,
    listed,
    mapping,
    note_not_taken,
    number,
    text,
    texts,
    yes_no,
)
from lowsky.airspace.reading.attributes.markup import as_text
from lowsky.airspace.reading.report import Notes, ZoneRefused
from lowsky.geo.schedules.applicability import Applicability
from lowsky.geo.zones.geozone import Geozone, Layer, LocalizedText, Restriction

REASONS_MAX = 20
"""ED-318 allows nine."""
_SEPARATORS = re.compile("[,;|]")

RESTRICTIONS = {restriction.value: restriction for restriction in Restriction} | {
    "REQ_AUTHORISATION": Restriction.REQ_AUTHORIZATION
}


PATH = "properties."
"""Path of a zone's members in its rearranged feature."""


@dataclass(frozen=True, slots=True)
class Members:
    """A zone's own members, and which of them hold the restriction and the variant."""

    source: Mapping[str, object]
    restriction_key: str
    restriction_spelling: str
    variant_key: str


def refuse_display_only(source: Mapping[str, object]) -> None:
    """`hidden: true` marks features that only the publisher's viewer needs; they are not published as zones.

    Raises:
        ZoneRefused: DISPLAY_ONLY.
    """
    if yes_no(source.get("hidden")):
        raise ZoneRefused(
            "DISPLAY_ONLY", f"{PATH}hidden", "the publisher marks this feature as hidden, for use in its viewer only"
        )


def read_restriction(members: Members, notes: Notes) -> Restriction:
    """The restriction; an unknown or absent one is refused, not guessed, neither as the strictest nor as none.

    Raises:
        ZoneRefused: RESTRICTION_ABSENT, RESTRICTION_UNKNOWN.
    """
    field, value = PATH + members.restriction_key, members.source.get(members.restriction_key)
    if empty(value):
        raise ZoneRefused("RESTRICTION_ABSENT", field, "no restriction is published")
    name = code(value)
    if name not in RESTRICTIONS:
        raise ZoneRefused(
            "RESTRICTION_UNKNOWN", field, f"{name or type(value).__name__} is no restriction of ED-269 or ED-318"
        )
    other = {"REQ_AUTHORISATION", "REQ_AUTHORIZATION"} - {members.restriction_spelling}
    if name in other or text(value) != name:
        notes.unclear("RESTRICTION_SPELLING", field, f"{text(value)!r} is read as {RESTRICTIONS[name]}")
    return RESTRICTIONS[name]


def read_geozone(
    identifier: str,
    restriction: Restriction,
    layers: tuple[Layer, ...],
    applicability: Applicability,
    members: Members,
    notes: Notes,
) -> Geozone:
    """The zone from its restriction, layers and times, with the members that need no interpretation."""
    source = members.source
    authorities = read_authorities(source.get("zoneAuthority"), f"{PATH}zoneAuthority", notes)
    if restriction is Restriction.REQ_AUTHORIZATION and not authorities:
        notes.unclear(
            "AUTHORITY_ABSENT", f"{PATH}zoneAuthority", "authorization is required, but no authority is named"
        )
    region = number(source.get("region"))
    zone = Geozone(
        identifier=identifier,
        country=code(source.get("country")),
        names=texts(source.get("name")),
        restriction=restriction,
        layers=layers,
        applicability=applicability,
        authorities=authorities,
        variant=code(source.get(members.variant_key)) or "COMMON",
        reasons=_reasons(source.get("reason"), notes),
        other_reasons=texts(source.get("otherReasonInfo")),
        messages=_messages(source),
        conditions=as_text(text(source.get("restrictionConditions"))),
        region=int(region) if region is not None and region.is_integer() and abs(region) < 2**31 else None,
        regulation_exemption=yes_no(source.get("regulationExemption")),
    )
    for key, taken in (
        ("country", zone.country),
        ("name", zone.names),
        ("reason", zone.reasons),
        ("otherReasonInfo", zone.other_reasons),
        ("message", zone.messages),
        ("restrictionConditions", zone.conditions),
        ("region", zone.region is not None),
        ("regulationExemption", zone.regulation_exemption is not None),
        (members.variant_key, code(source.get(members.variant_key))),
    ):
        note_not_taken(source.get(key), taken, f"{PATH}{key}", notes)
    return zone


def _reasons(value: object, notes: Notes) -> tuple[str, ...]:
    """The codes of a list, of a text, or of a text of several that commas, semicolons or bars separate."""
    found = [code(reason) for item in listed(value) for reason in _SEPARATORS.split(text(item))]
    reasons = [reason for reason in found if reason]
    if len(reasons) > REASONS_MAX:
        notes.unclear("TOO_MANY_REASONS", f"{PATH}reason", f"only the first {REASONS_MAX} are kept")
    return tuple(reasons[:REASONS_MAX])


def _messages(source: Mapping[str, object]) -> tuple[LocalizedText, ...]:
    """`message`, and the translations that Austria adds in its extended properties."""
    own = texts(source.get("message"))
    return own + texts(mapping(source.get("extendedProperties")).get("localizedMessages"))
