"""Volumes of a plan as bytes, to be read again exactly as they are."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from lowsky.geo.shapes.corridors import corridors_of
from lowsky.geo.volumes.volumes import Volumes

Floats = NDArray[np.float64]

_HEADER: Final = struct.Struct("<BI")
_OUTLINES: Final = 1
"""Columns, then the centre lines and the outlines themselves."""
_CORRIDORS: Final = 2
"""Columns, then the line that the outlines were drawn around: an eighth of the bytes. They are drawn again as before:
a change of `lowsky.geo.shapes.corridors` that draws them otherwise needs another form."""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """What corridors are drawn around: the waypoints, one more than the corridors, and the buffer in metres."""

    longitudes: Floats
    latitudes: Floats
    buffer_m: float


def to_bytes(volumes: Volumes, owners: int, lines: Mapping[int, Line]) -> list[bytes]:
    """The volumes of each owner, to be read again exactly as they are.

    Args:
        lines: Of those owners whose outlines are corridors, one for each leg.
    """
    bounds = np.searchsorted(volumes.owner, np.arange(owners + 1)).tolist()
    columns = [volumes.lower_m, volumes.upper_m, volumes.takeoff, volumes.start_s, volumes.end_s]
    numbers = np.stack(columns).astype("<f8")
    datums = np.stack([volumes.lower_datum, volumes.upper_datum]).astype("<i1")
    stored = []
    for owner, (first, last) in enumerate(itertools.pairwise(bounds)):
        line = lines.get(owner)
        stored.append(
            _HEADER.pack(_CORRIDORS if line else _OUTLINES, last - first)
            + numbers[:, first:last].tobytes()
            + datums[:, first:last].tobytes()
            + (_line_to_bytes(line) if line else _areas_to_bytes(volumes, first, last))
        )
    return stored


def _line_to_bytes(line: Line) -> bytes:
    return np.concatenate([line.longitudes, line.latitudes, [line.buffer_m]]).astype("<f8").tobytes()


def _areas_to_bytes(volumes: Volumes, first: int, last: int) -> bytes:
    lines = volumes.centre_lines[first:last].astype("<f8").tobytes()
    written = shapely.to_wkb(volumes.outlines[first:last])
    return b"".join([lines, np.array([len(wkb) for wkb in written], dtype="<u4").tobytes(), *written])


def from_bytes(stored: Sequence[bytes]) -> list[Volumes]:
    """The volumes of each, as those of owner 0.

    Raises:
        ValueError: Not what to_bytes made.
    """
    try:
        parts = [_Part.of(each) for each in stored]
        lines = [part.line for part in parts if part.line is not None]
        bounds = np.cumsum([len(line.longitudes) - 1 for line in lines])[:-1]
        legs = _legs(lines)
        drawn = iter(zip(np.split(corridors_of(legs), bounds), np.split(legs, bounds), strict=True))
        return [
            part.volumes(*((part.outlines, part.centre_lines) if part.line is None else next(drawn))) for part in parts
        ]
    except (struct.error, shapely.GEOSException) as fault:
        raise ValueError(f"stored volumes are not readable: {fault}") from None


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """What is stored of one plan."""

    numbers: Floats
    datums: NDArray[np.int8]
    outlines: NDArray[np.object_]
    centre_lines: Floats
    line: Line | None

    @classmethod
    def of(cls, stored: bytes) -> _Part:
        form, count = _HEADER.unpack_from(stored)
        at = _HEADER.size
        numbers = np.frombuffer(stored, "<f8", 5 * count, at).reshape(5, count)
        datums = np.frombuffer(stored, "<i1", 2 * count, at + 40 * count).reshape(2, count)
        at += 42 * count
        if form == _OUTLINES:
            lines = np.frombuffer(stored, "<f8", 5 * count, at).reshape(count, 5)
            return cls(numbers, datums, _outlines_from(stored, at + 40 * count, count), lines, None)
        if form == _CORRIDORS:
            line = np.frombuffer(stored, "<f8", 2 * count + 3, at)
            none: NDArray[np.object_] = np.empty(0, dtype=np.object_)
            return cls(
                numbers, datums, none, np.empty((0, 5)), Line(line[: count + 1], line[count + 1 : -1], float(line[-1]))
            )
        raise ValueError(f"form {form} of stored volumes is not known here")

    def volumes(self, outlines: NDArray[np.object_], lines: Floats) -> Volumes:
        lower_m, upper_m, takeoff, start_s, end_s = self.numbers
        lower_datum, upper_datum = self.datums
        owner, leg = np.zeros(len(outlines), dtype=np.intp), np.arange(len(outlines))
        return Volumes(outlines, lines, lower_m, upper_m, lower_datum, upper_datum, takeoff, start_s, end_s, owner, leg)


def _outlines_from(stored: bytes, at: int, count: int) -> NDArray[np.object_]:
    lengths = np.frombuffer(stored, "<u4", count, at)
    ends = at + 4 * count + np.cumsum(lengths, dtype=np.int64)
    outlines = np.empty(count, dtype=np.object_)
    written = [stored[begin:end] for begin, end in zip((ends - lengths).tolist(), ends.tolist(), strict=True)]
    outlines[:] = shapely.from_wkb(np.array(written, np.object_))
    return outlines


def _legs(lines: Sequence[Line]) -> Floats:
    """The centre lines of the corridors around all lines, one line after the other."""
    return np.concatenate(
        [
            np.empty((0, 5)),
            *(
                np.column_stack(
                    [
                        line.longitudes[:-1],
                        line.latitudes[:-1],
                        line.longitudes[1:],
                        line.latitudes[1:],
                        np.full(len(line.longitudes) - 1, line.buffer_m),
                    ]
                )
                for line in lines
            ),
        ]
    )
