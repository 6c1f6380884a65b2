"""The authorities that a zone names, in both dialects."""

from __future__ import annotations

from lowsky.airspace.reading.attributes.json_values import (
    code,
    duration,
    empty,
    joined,
    listed,
    note_not_taken,
    text,
    texts,
)
from lowsky.airspace.reading.report import Notes
from lowsky.geo.zones.geozone import Purpose, ZoneAuthority

AUTHORITIES_MAX = 100
"""Real zones name one to five."""

_PURPOSES = {
    "AUTHORIZATION": Purpose.AUTHORIZATION,
    "AUTHORISATION": Purpose.AUTHORIZATION,
    "NOTIFICATION": Purpose.NOTIFICATION,
    "INFORMATION": Purpose.INFORMATION,
}


def read_authorities(value: object, path: str, notes: Notes) -> tuple[ZoneAuthority, ...]:
    """`zoneAuthority` as a list or a lone object; an absent purpose is read as AUTHORIZATION, the strictest."""
    if empty(value):
        return ()
    found: list[ZoneAuthority] = []
    for index, entry in enumerate(listed(value)):
        field = f"{path}[{index}]"
        if not isinstance(entry, dict):
            notes.unclear("AUTHORITY_UNREADABLE", field, "not an authority")
        elif len(found) == AUTHORITIES_MAX:
            notes.unclear("TOO_MANY_AUTHORITIES", field, f"only the first {AUTHORITIES_MAX} are kept")
            break
        else:
            found.append(_authority(entry, field, notes))
    return tuple(found)


def _authority(entry: dict[str, object], field: str, notes: Notes) -> ZoneAuthority:
    purpose = _PURPOSES.get(code(entry.get("purpose")))
    if purpose is None:
        published = text(entry.get("purpose")) or "no purpose"
        notes.unclear("PURPOSE_UNKNOWN", f"{field}.purpose", f"{published}: read as AUTHORIZATION, the strictest")
        purpose = Purpose.AUTHORIZATION
    interval = entry.get("intervalBefore")
    before = duration(interval)
    if before is None and not empty(interval):
        notes.unclear(
            "INTERVAL_UNREADABLE", f"{field}.intervalBefore", f"{text(interval)!r} is no ISO 8601 duration: no interval"
        )
    authority = ZoneAuthority(
        names=texts(entry.get("name")),
        purpose=purpose,
        service=texts(entry.get("service")),
        contacts=texts(entry.get("contactName")),
        site_url=joined(entry.get("siteURL")),
        email=joined(entry.get("email")),
        phone=joined(entry.get("phone")),
        interval_before=before,
    )
    for key, taken in (
        ("name", authority.names),
        ("service", authority.service),
        ("contactName", authority.contacts),
        ("siteURL", authority.site_url),
        ("email", authority.email),
        ("phone", authority.phone),
    ):
        note_not_taken(entry.get(key), taken, f"{field}.{key}", notes)
    return authority
