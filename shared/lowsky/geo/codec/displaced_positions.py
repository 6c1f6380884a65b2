"""Refuses positions of plans in Chinese map systems of which it is unknown whether they are displaced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lowsky.api.geo.v1 import geo_pb2
from lowsky.errors import Invalid
from lowsky.geo.crs.converting import Outline, unclear_outlines
from lowsky.geo.crs.displacement import unclear
from lowsky.geo.crs.names import ReferenceSystem


def unclear_place(field: str, system: ReferenceSystem) -> Invalid:
    """The refusal of what may be displaced or not, by its path in the request."""
    message = (
        f"outside of mainland China or near its border it is unknown whether coordinates in {system} are displaced, and"
        " so where this is: give it in WGS 84 or CGCS2000"
    )
    return Invalid.field(field, message, "INVALID_GEOMETRY")


def require_clear(
    messages: Sequence[geo_pb2.Volume4D], polygons: Mapping[int, Outline], system: ReferenceSystem, field: str
) -> None:
    """Refuses volumes, of which some are polygons by their number, that may be displaced or not.

    Raises:
        Invalid: INVALID_GEOMETRY, the outline of the first such volume.
    """
    marks = np.zeros(len(messages), dtype=np.bool_)
    marks[list(polygons)] = unclear_outlines(list(polygons.values()))
    centres = {n: one.outline_circle.center for n, one in enumerate(messages) if n not in polygons}
    marks[list(centres)] = unclear([at.longitude for at in centres.values()], [at.latitude for at in centres.values()])
    if marks.any():
        place = int(np.argmax(marks))
        outline = "outline_polygon" if place in polygons else "outline_circle"
        raise unclear_place(f"{field}.volumes[{place}].{outline}", system)
