"""Altitude bands, their datums, and whether two bands overlap when terrain and geoid are known only within bounds.

Heights above mean sea level (AMSL) are the common scale. A height in another datum is that height plus an offset:

    AMSL 0 · AGL + terrain · WGS84 - undulation · TAKEOFF + elevation of the take-off point

Terrain and undulation are the same unknown for both bands at any one point, so they cancel where both limits share the
datum. The take-off point is each band's own, so that it never cancels between two bands unless both state it. The
undulation is known within bounds for the place (`lowsky.geo.heights.geoid`), which the caller gives as `geoid_m` per
pair.
"""

from __future__ import annotations

from lowsky.geo.heights.bands import DATUMS, AltitudeBand, AltitudeBands, Datum
from lowsky.geo.heights.overlap import Overlap, amsl_reach, needs_geoid, needs_terrain, overlap, overlap_codes
from lowsky.geo.heights.vertical_reference import ANYWHERE, VerticalReference

__all__ = [
    "ANYWHERE",
    "DATUMS",
    "AltitudeBand",
    "AltitudeBands",
    "Datum",
    "Overlap",
    "VerticalReference",
    "amsl_reach",
    "needs_geoid",
    "needs_terrain",
    "overlap",
    "overlap_codes",
]
