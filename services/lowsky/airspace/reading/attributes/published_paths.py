"""Converts the paths in notes about a rearranged zone to the paths at which its members are published."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from lowsky.airspace.reading.report import Notes, ZoneRefused
from lowsky.geo.zones.geozone import Geozone


def at_published_places(
    read_zone: Callable[[Mapping[str, object], str, Notes], Geozone],
    feature: Mapping[str, object],
    identifier: str,
    places: Mapping[str, str],
    notes: Notes,
) -> Geozone:
    """The zone of an arranged feature, with notes that name the members where they are published.

    Raises:
        ZoneRefused: when its restriction or its extent cannot be interpreted safely.
    """
    try:
        return read_zone(feature, identifier, notes)
    except ZoneRefused as refusal:
        note = refusal.note
        raise ZoneRefused(note.reason, _published_place(note.field, places), note.message) from None
    finally:
        notes.found[:] = [replace(note, field=_published_place(note.field, places)) for note in notes.found]


def _published_place(path: str, places: Mapping[str, str]) -> str:
    """Where a member of an arranged feature is published."""
    end = len(path)
    while end > 0:
        if path[:end] in places:
            return (places[path[:end]] + path[end:]).lstrip(".")
        end = max(path.rfind(".", 0, end), path.rfind("[", 0, end))
    return path
