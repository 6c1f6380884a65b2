"""Zones without restriction, in which no approval is needed: a zone that is unclear permits nothing.

Every zone is read in the wider way, which is strict for a zone that forbids. For a zone that permits, the wider reading
would clear flights that no authority has permitted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from shapely import Polygon

from lowsky.airspace.reading.report import Notes
from lowsky.geo.zones.geozone import Geozone, Restriction

_ONE_READING: Final = frozenset(
    {
        "ANTIMERIDIAN_CROSSED",
        "APPLICABILITY_ABSENT",
        "AUTHORITY_UNREADABLE",
        "END_INSIDE",
        "HEIGHTS_IGNORED",
        "HOLE_WITHOUT_AREA",
        "IDENTIFIER_ABSENT",
        "IDENTIFIER_CHANGED",
        "INTERVAL_UNREADABLE",
        "LOWER_ABSENT",
        "NOT_TAKEN_OVER",
        "NO_CEILING",
        "NUMBER_AS_TEXT",
        "PURPOSE_UNKNOWN",
        "RESTRICTION_SPELLING",
        "RING_UNCLOSED",
        "STRAYS_LEFT_OUT",
        "TOO_MANY_AUTHORITIES",
        "TOO_MANY_REASONS",
    }
)
"""Notes that leave no doubt of where, how high and when a zone is, as the standards have it. A ceiling that is absent
is none of them: what permits says how high."""

_CONVERTED: Final = ("CONVERTED_FROM_", "DISPLACEMENT_UNCLEAR")
"""The doubt that a conversion leaves is recorded in the layers themselves (`Layer.sure`)."""


def no_wider_permit(zone: Geozone, notes: Notes) -> Geozone:
    """The zone; without restriction and with a doubt of where, how high or when it is, it permits nothing, and a note
    says so."""
    if zone.restriction is not Restriction.NO_RESTRICTION:
        return zone
    doubts = [
        note.reason for note in notes.all if note.reason not in _ONE_READING and not note.reason.startswith(_CONVERTED)
    ]
    if not doubts:
        return zone
    why = ", ".join(dict.fromkeys(doubts))
    notes.unclear("PERMITS_NOTHING", "", f"what is unclear ({why}) was read as the wider, and so permits no flight")
    return replace(zone, layers=tuple(replace(layer, sure=Polygon()) for layer in zone.layers))
