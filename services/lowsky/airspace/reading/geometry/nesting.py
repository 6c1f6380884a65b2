"""Determines how the rings of a polygon are nested: which are parts, and which are holes of which part.

Formats list the outer ring first (RFC 7946 section 3.1.6), publishers list rings as they come. A ring within no other
is a part, one within a part is its hole, one within a hole is an island and so a part again, and so on (even-odd).
Rings that cross by more than a metre cannot be nested, and are refused.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import STRtree

from lowsky.airspace.reading.geometry.repair_limits import CROSSINGS_MAX, RepairRefused, is_shallow

MEETINGS_MAX = 20_000
"""Pairs of rings that meet: a polygon of 1 000 parts side by side has 4 000, a thousand rings around each other half a
million, which would take minutes."""


@dataclass(frozen=True, slots=True)
class Nesting:
    """Rings by their indexes; a ring that equals an earlier one is its twin, and not counted as a ring of its own."""

    depths: tuple[int, ...]
    """How many other rings each lies within; a twin lies as deep as the earlier one."""
    parents: tuple[int, ...]
    """The ring right around each, -1 where there is none."""
    twins: tuple[tuple[int, int], ...]
    """Twins, and the first ring that each is equal to."""
    overlaps: tuple[tuple[int, int], ...]
    """Pairs that lie beside each other and overlap, nowhere by more than a metre."""
    reaching_out: frozenset[int]
    """Those that reach out of a ring that they lie within, nowhere by more than a metre."""
    rings: tuple[int, ...]
    """All but twins."""
    children: Mapping[int, frozenset[int]]
    """What lies right within a ring, where anything does."""

    def is_part(self, ring: int) -> bool:
        """Whether the ring is a part or an island, and not a hole."""
        return self.depths[ring] % 2 == 0

    def holes_of(self, part: int) -> frozenset[int]:
        """The holes right within a part."""
        return self.children.get(part, frozenset())


def nesting_of(outlines: NDArray[np.object_]) -> Nesting:
    """The nesting of what rings enclose: valid areas in degrees.

    Raises:
        RepairRefused: EXTENT_AMBIGUOUS, RING_TOO_TANGLED.
    """
    within, overlaps, reaching_out = _relations(outlines)
    # With a metre to spare, what lies within a ring need not lie within what is around this: no order to rely on.
    counts = within.astype(np.float32)
    if ((counts @ counts > 0.0) & ~within & ~np.eye(len(outlines), dtype=np.bool_)).any():
        raise RepairRefused("EXTENT_AMBIGUOUS", "the rings lie within each other in no order that is clear")
    equal = within & within.T
    first = np.where(equal.any(axis=1), np.argmax(equal, axis=1), len(outlines))
    twins = tuple((index, int(one)) for index, one in enumerate(first.tolist()) if one < index)
    inside = within & ~equal
    inside[:, [twin for twin, _ in twins]] = False
    depths = inside.sum(axis=1)
    around = np.where(inside, depths[None, :], -1)
    parents = np.where(depths > 0, np.argmax(around, axis=1), -1)
    second = {twin for twin, _ in twins}
    rings = tuple(index for index in range(len(outlines)) if index not in second)
    children: dict[int, set[int]] = defaultdict(set)
    for index in rings:
        children[int(parents[index])].add(index)
    return Nesting(
        depths=tuple(depths.tolist()),
        parents=tuple(parents.tolist()),
        twins=twins,
        overlaps=tuple(overlaps),
        reaching_out=frozenset(reaching_out),
        rings=rings,
        children={parent: frozenset(inner) for parent, inner in children.items()},
    )


def _relations(outlines: NDArray[np.object_]) -> tuple[NDArray[np.bool_], list[tuple[int, int]], set[int]]:
    """[i, j]: whether i lies within j, all but for a metre; pairs that overlap; those that reach out of another."""
    within = np.zeros((len(outlines), len(outlines)), dtype=np.bool_)
    one, other = STRtree(outlines).query(outlines, predicate="intersects")
    one, other = one[one < other], other[one < other]
    if len(one) > MEETINGS_MAX:
        raise RepairRefused("RING_TOO_TANGLED", f"more than {MEETINGS_MAX} pairs of its rings meet")
    shapely.prepare(outlines)
    inside, around = shapely.covers(outlines[other], outlines[one]), shapely.covers(outlines[one], outlines[other])
    within[one[inside], other[inside]] = True
    within[other[around], one[around]] = True
    unclear = ~(inside | around | shapely.touches(outlines[one], outlines[other]))
    if unclear.sum() > CROSSINGS_MAX:
        raise RepairRefused("RING_TOO_TANGLED", f"the rings cross each other more than {CROSSINGS_MAX} times")
    overlaps: list[tuple[int, int]] = []
    reaching_out: set[int] = set()
    for first, second in zip(one[unclear].tolist(), other[unclear].tolist(), strict=True):
        if is_shallow(shapely.intersection(outlines[first], outlines[second])):
            overlaps.append((first, second))
            continue
        for small, large in ((first, second), (second, first)):
            if is_shallow(shapely.difference(outlines[small], outlines[large])):
                within[small, large] = True
                reaching_out.add(small)
        if not within[first, second] and not within[second, first]:
            raise RepairRefused("EXTENT_AMBIGUOUS", "rings cross: whether they are parts or holes is not clear")
    return within, overlaps, reaching_out
