"""Authorities that a zone names and that are not registered: they cannot be asked or notified here, so a finding says
who they are, and the contact data that the zone states."""

from __future__ import annotations

from datetime import timedelta

from lowsky.geo.zones.geozone import Geozone, Purpose, ZoneAuthority

NAMED_MAX = 5
"""Authorities in the text of a finding; zones name one or two. The others are counted."""
TEXT_MAX = 100
"""Characters of a name or of a means of contact: findings travel with a plan in every event."""


def unregistered(geozone: Geozone, purpose: Purpose) -> tuple[ZoneAuthority, ...]:
    """Those that the zone names for a purpose."""
    return tuple(authority for authority in geozone.authorities_for(purpose) if not authority.authority)


def to_notify(authorities: tuple[ZoneAuthority, ...]) -> str:
    """What an operator has to do because of them, "" where there are none."""
    if not authorities:
        return ""
    return f"Notify {_all_of(authorities)}: not registered here, so that they are not notified automatically."


def who_must_agree(authorities: tuple[ZoneAuthority, ...]) -> str:
    """Whom a zone names that must agree, "" where there are none."""
    return f"It names {_all_of(authorities)}, not registered here." if authorities else ""


def _all_of(authorities: tuple[ZoneAuthority, ...]) -> str:
    named = [_one(authority) for authority in authorities[:NAMED_MAX]]
    more = len(authorities) - len(named)
    return "; ".join(named) + (f"; and {more} more that the zone names" if more else "")


def _one(authority: ZoneAuthority) -> str:
    texts = [text.text for text in (*authority.names, *authority.service)][:1]
    name = texts[0] if texts else "an authority without a name"
    reached = [text.text for text in authority.contacts[:1]]
    reached += [means for means in (authority.phone, authority.email, authority.site_url) if means]
    contact = f" ({', '.join(_short(means) for means in reached)})" if reached else ""
    ahead = f", {_ahead(authority.interval_before)} before the flight" if authority.interval_before else ""
    return f"{_short(name)}{contact}{ahead}"


def _short(text: str) -> str:
    return text if len(text) <= TEXT_MAX else f"{text[: TEXT_MAX - 1]}…"


def _ahead(interval: timedelta) -> str:
    hours, rest_s = divmod(int(interval.total_seconds()), 3600)
    if rest_s:
        return f"{interval.total_seconds() / 60:g} minutes"
    return f"{hours // 24} days" if hours % 24 == 0 else f"{hours} hours"
