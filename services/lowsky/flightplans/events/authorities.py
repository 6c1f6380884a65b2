"""Applies the events of authorities to the projection of areas."""

from __future__ import annotations

import structlog

from lowsky.api.events.v1 import events_pb2
from lowsky.events.event import Event
from lowsky.events.watching.tail import Positions
from lowsky.flightplans.checks.validity import AHEAD
from lowsky.flightplans.projections.areas import Areas, KnownAuthority
from lowsky.geofence.area_codec import stated_area_from

log = structlog.get_logger()


class OnAuthorities:
    """Consumes lowsky.authorities.v1."""

    def __init__(self, areas: Areas) -> None:
        self._areas = areas

    def __call__(self, event: Event, positions: Positions) -> None:
        self._areas.read_up_to(sum(positions.values()))
        self._take(event)

    def _take(self, event: Event) -> None:
        if event.value is None:
            self._areas.remove(event.key)
            return
        if not event.type.startswith("lowsky.authority."):
            log.warning("an event of a later version is skipped", key=event.key, type=event.type)
            return
        try:
            authority = events_pb2.AuthorityEvent.FromString(event.value).authority
            known = KnownAuthority(
                authority.display_name, authority.country, authority.filing_horizon_days or AHEAD.days
            )
            self._areas.learn(event.key, known, stated_area_from(authority))
        except Exception as error:
            # Whatever the cause. The area of this authority may have changed: nothing is decided until its next
            # readable event.
            log.error("unreadable authority", key=event.key, type=event.type, problem=str(error))
            self._areas.unreadable(event.key, str(error))
