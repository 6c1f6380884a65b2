"""The warning of an import whose zones lie outside of its authority's area: from packed zones to notes."""

from __future__ import annotations

import numpy as np
import shapely

from lowsky.airspace.codec.imports.packed_zones import PackedZones
from lowsky.airspace.codec.zones import outlines_of
from lowsky.airspace.domain.area import Area
from lowsky.airspace.domain.outlying_zones import Indexes, exchanged, outlying
from lowsky.airspace.reading import Note

NAMED_MAX = 10
"""Zones that a note names: enough to find the fault."""


def outlying_notes(zones: PackedZones, authority: str, area: Area) -> list[Note]:
    """A note on the zones that lie outside of the area of their authority, and one on those with swapped axes."""
    bounds = zones.bounds
    found = outlying(bounds, area.ground)
    names = zones.names
    beside = [index for index in found.on_border.tolist() if not _meets(zones.geozone(names[index]), area)]
    outside = np.union1d(found.outside, np.array(beside, dtype=np.intp))
    if not len(outside):
        return []
    swapped = exchanged(bounds[outside], area.ground)
    where = f"outside of the area of {authority}"
    advice = "check that the file and the authority are the right ones"
    return [
        *_note("AXES_SWAPPED", zones, outside[swapped], f"{where}, but inside with longitude and latitude exchanged"),
        *_note("OUTSIDE_AREA", zones, outside[~swapped], f"{where}: {advice}"),
    ]


def _meets(geozone: bytes, area: Area) -> bool:
    return bool(shapely.intersects(area.ground, outlines_of(geozone)).any())


def _note(reason: str, zones: PackedZones, indexes: Indexes, where: str) -> list[Note]:
    if not len(indexes):
        return []
    names = zones.names
    # A name is geozones/{dataset}.{identifier}.
    named = ", ".join(names[index].partition(".")[2] for index in indexes[:NAMED_MAX].tolist())
    more = f" and {len(indexes) - NAMED_MAX} more" if len(indexes) > NAMED_MAX else ""
    message = f"{len(indexes)} of {len(zones)} zones ({named}{more}) lie {where}"
    return [Note(reason, "", message)]
