"""Which keys whoever decides about airspace and aircraft locks: those who may be in each other's way meet in one."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lowsky.geo.shapes.counting import changes, numbered
from lowsky.geo.volumes.nodes import Cover, area_of, is_area

LOCKS_MAX: Final = 2_000
"""Of one transaction. PostgreSQL has room for max_locks_per_transaction (64) × max_connections (100) of all of them."""

BAND_M: Final = 50.0
"""Flights that differ by more than this in height above ground do not wait for each other."""

_BANDS: Final = 200
_BANDS_MAX: Final = 6
"""What reaches through more of them locks the whole node."""

_BAND_BITS: Final = 8

_SPARE_BITS: Final = 2
"""Of the 64 of a hash: the sign of the key, and the bit that locks_of marks it with."""


def aircraft_keys(aircraft: Iterable[str]) -> NDArray[np.int64]:
    """The keys of aircraft, by name: negative, so that none is a key of airspace. Two that happen to have the same one
    wait for each other without need."""
    hashed = (int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big") for name in aircraft)
    return np.array([~(number >> _SPARE_BITS) for number in hashed], np.int64)


def locks_of(cover: Cover, aircraft: Iterable[str] = ()) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The keys that whoever holds this locks, ascending, and which of them for itself alone: aircraft always.

    A tree of three levels: areas, the leaves beneath, and in a leaf the bands of height above ground. Who holds a node
    shares all above it and has the node alone; so two that may overlap meet in a key that at least one has alone, and
    two that differ in cell, time or band do not wait for each other.
    """
    area = is_area(cover.node)
    first, count = _bands(cover)
    whole = area | (count > _BANDS_MAX)
    banded = (~whole).nonzero()[0]
    which, nth = numbered(count[banded])
    at = banded[which]
    leaf_keys = cover.node << _BAND_BITS
    alone = [aircraft_keys(aircraft), leaf_keys[at] + first[at] + nth + 1, leaf_keys[whole]]
    shared = [area_of(cover.node[~area]) << _BAND_BITS, leaf_keys[banded]]
    # The last bit says that a key is shared: where it is wanted both ways, alone comes first, and counts.
    marked = np.concatenate(alone + shared) << 1
    marked[sum(map(len, alone)) :] |= 1
    marked.sort()
    keys = marked >> 1
    firsts = changes(keys)
    return keys[firsts], (marked[firsts] & 1) == 0


def lock_counts(cover: Cover, owners: int) -> NDArray[np.intp]:
    """How many locks each owner takes, at most."""
    counts = np.minimum(_bands(cover)[1], _BANDS_MAX) + 2
    return np.bincount(cover.owner, counts, minlength=owners).astype(np.intp)


def _bands(cover: Cover) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The lowest band of each node, and how many."""
    bands = np.floor(cover.heights[:, 2:] / BAND_M)
    first, last = np.minimum(np.maximum(bands, 0), _BANDS).astype(np.int64).T
    # A floor above ground may lie above a ceiling above the sea wherever that is: such a volume overlaps nothing.
    return first, np.maximum(last - first, 0) + 1
