"""The warning of an import whose zones lie outside of its authority's area: from packed zones to notes."""

from __future__ import annotations

import numpy as np
import shapely

from lowsky.airspace.codec.imports.packed_zones import PackedZones
from lowsky.airspace.codec.zones import outlines_of
from lowsky.airspace.domain.area import Area
from lowsky.airspace.domain.outlying import Places, exchanged, outlying
from lowsky.airspace.reading import Note

NAMED_MAX = 10
"""Zones that a note names: enough to find the fault."""


def outlying_notes(zones: PackedZones, authority: str, area: Area) -> list[Note]:
    """A note of the zones that lie outside of the area of their authority, and one of those whose axes are swapped."""
    bounds = zones.bounds
    found = outlying(bounds, area.ground)
    names = zones.names
    beside = [place for place in found.on_border.tolist() if not _meets(zones.geozone(names[place]), area)]
    outside = np.union1d(found.outside, np.array(beside, dtype=np.intp))
    if not len(outside):
        return []
    swapped = exchanged(bounds[outside], area.ground)
    where = f"outside of the area of {authority}"
    advice = "is it the right file, and the right authority?"
    return [
        *_note("AXES_SWAPPED", zones, outside[swapped], f"{where}; with longitude and latitude exchanged, in it"),
        *_note("OUTSIDE_AREA", zones, outside[~swapped], f"{where}: {advice}"),
    ]


def _meets(geozone: bytes, area: Area) -> bool:
    return bool(shapely.intersects(area.ground, outlines_of(geozone)).any())


def _note(reason: str, zones: PackedZones, places: Places, where: str) -> list[Note]:
    if not len(places):
        return []
    names = zones.names
    # A name is geozones/{dataset}.{identifier}.
    named = ", ".join(names[place].partition(".")[2] for place in places[:NAMED_MAX].tolist())
    more = f" and {len(places) - NAMED_MAX} more" if len(places) > NAMED_MAX else ""
    message = f"{len(places)} of {len(zones)} zones ({named}{more}) lie {where}"
    return [Note(reason, "", message)]
