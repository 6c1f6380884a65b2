"""The members that both dialects share, under the same names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lowsky.airspace.reading.authorities import read_authorities
from lowsky.airspace.reading.report import Notes, ZoneRefused
from lowsky.airspace.reading.values import code, empty, listed, mapping, number, text, texts, yes_no
from lowsky.geo.applicability import Applicability
from lowsky.geo.geozone import Geozone, Layer, LocalizedText, Restriction

REASONS_MAX = 20
"""ED-318 allows nine."""

_RESTRICTIONS = {restriction.value: restriction for restriction in Restriction} | {
    "REQ_AUTHORISATION": Restriction.REQ_AUTHORIZATION
}


@dataclass(frozen=True, slots=True)
class Members:
    """A zone's own members, where they are in the entry, and which of them hold the restriction and the variant."""

    source: Mapping[str, object]
    path: str
    restriction_key: str
    restriction_spelling: str
    variant_key: str


def refuse_display_only(source: Mapping[str, object], path: str) -> None:
    """`hidden: true` marks what a publisher's viewer needs and does not show: it is not offered as a zone.

    Raises:
        ZoneRefused: DISPLAY_ONLY.
    """
    if yes_no(source.get("hidden")):
        raise ZoneRefused(
            "DISPLAY_ONLY", f"{path}hidden", "the publisher hides this feature: it serves its viewer only"
        )


def read_restriction(members: Members, notes: Notes) -> Restriction:
    """The restriction; an unknown or absent one cannot be guessed, neither as the strictest nor as none.

    Raises:
        ZoneRefused: RESTRICTION_ABSENT, RESTRICTION_UNKNOWN.
    """
    field, value = members.path + members.restriction_key, members.source.get(members.restriction_key)
    if empty(value):
        raise ZoneRefused("RESTRICTION_ABSENT", field, "what the zone asks of a flight is not said")
    name = code(value)
    if name not in _RESTRICTIONS:
        raise ZoneRefused(
            "RESTRICTION_UNKNOWN", field, f"{name or type(value).__name__} is no restriction of ED-269 or ED-318"
        )
    other = {"REQ_AUTHORISATION", "REQ_AUTHORIZATION"} - {members.restriction_spelling}
    if name in other or text(value) != name:
        notes.unclear("RESTRICTION_SPELLING", field, f"{text(value)!r} is read as {_RESTRICTIONS[name]}")
    return _RESTRICTIONS[name]


def read_geozone(
    identifier: str,
    restriction: Restriction,
    layers: tuple[Layer, ...],
    applicability: Applicability,
    members: Members,
    notes: Notes,
) -> Geozone:
    """The zone of its restriction, layers and times, with the members that need no judgement."""
    source, path = members.source, members.path
    authorities = read_authorities(source.get("zoneAuthority"), f"{path}zoneAuthority", notes)
    if restriction is Restriction.REQ_AUTHORIZATION and not authorities:
        notes.unclear(
            "AUTHORITY_ABSENT", f"{path}zoneAuthority", "authorization is required, and nobody is named to give it"
        )
    if len(listed(source.get("reason"))) > REASONS_MAX:
        notes.unclear("TOO_MANY_REASONS", f"{path}reason", f"only the first {REASONS_MAX} are kept")
    region = number(source.get("region"))
    return Geozone(
        identifier=identifier,
        country=code(source.get("country")),
        names=texts(source.get("name")),
        restriction=restriction,
        layers=layers,
        applicability=applicability,
        authorities=authorities,
        variant=code(source.get(members.variant_key)) or "COMMON",
        reasons=tuple(reason for reason in map(code, listed(source.get("reason"))[:REASONS_MAX]) if reason),
        other_reasons=texts(source.get("otherReasonInfo")),
        messages=_messages(source),
        conditions=text(source.get("restrictionConditions")),
        region=int(region) if region is not None and abs(region) < 2**31 else None,
        regulation_exemption=yes_no(source.get("regulationExemption")),
    )


def _messages(source: Mapping[str, object]) -> tuple[LocalizedText, ...]:
    """`message`, and the translations that Austria adds in its extended properties."""
    own = texts(source.get("message"))
    return own + texts(mapping(source.get("extendedProperties")).get("localizedMessages"))
