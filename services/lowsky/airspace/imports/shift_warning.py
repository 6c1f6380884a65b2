"""Warns of an import whose zones are a shifted copy of known zones: from boxes to notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lowsky.airspace.codec.zones import Box
from lowsky.airspace.domain.shifted_copies import OFFSET_MAX_M, Boxes, Floats, shift
from lowsky.airspace.reading import Note

_FAR_DEGREES = 2.0 * OFFSET_MAX_M / 111_000.0
"""Around a file: zones outside are too far from its own to be shifted from there. Twice, for the length of a degree of
longitude at 60 degrees; beyond, no map is known that displaces."""


def around(bounds: Floats) -> Box:
    """The box within which known zones may be what zones of these boxes, one at least, are shifted from."""
    west, south = (bounds[:, :2].min(axis=0) - _FAR_DEGREES).tolist()
    east, north = (bounds[:, 2:].max(axis=0) + _FAR_DEGREES).tolist()
    return Box(west, south, east, north)


def shift_notes(names: Sequence[str], bounds: Floats, known: Mapping[str, Sequence[tuple[str, Box]]]) -> list[Note]:
    """A note for each dataset that the zones of a file, of these names and boxes, are shifted from."""
    ours = Boxes(_identifiers(names), bounds)
    notes: list[Note] = []
    for dataset, named in sorted(known.items()):
        found = shift(ours, _boxes(named))
        if found is not None:
            message = (
                f"{found.zones} zones lie {found.offset_m:.0f} m on average from zones of {dataset}, {found.way}: "
                "check that the declared reference system is the right one"
            )
            notes.append(Note("SHIFTED_COPY", "", message))
    return notes


def _boxes(named: Sequence[tuple[str, Box]]) -> Boxes:
    bounds = np.array([(box.west, box.south, box.east, box.north) for _, box in named], dtype=np.float64)
    return Boxes(_identifiers([name for name, _ in named]), bounds.reshape(-1, 4))


def _identifiers(names: Sequence[str]) -> list[str]:
    # A name is geozones/{dataset}.{identifier}.
    return [name.partition(".")[2] for name in names]
