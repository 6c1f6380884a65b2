"""The lock keys for decisions about airspace and aircraft: two that may conflict share at least one key."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lowsky.geo.shapes.grouped_arrays import changes, numbered
from lowsky.geo.volumes.nodes import Cover, area_of, is_area

LOCKS_MAX: Final = 2_000
"""Locks of one transaction. PostgreSQL has room for max_locks_per_transaction (64) × max_connections (100) in total."""

BAND_M: Final = 50.0
"""Flights that differ by more than this in height above ground do not wait for each other."""

_BANDS: Final = 200
_BANDS_MAX: Final = 6
"""A volume that spans more bands locks the whole node."""

_BAND_BITS: Final = 8

_SPARE_BITS: Final = 2
"""Bits of the 64-bit hash that are not used: the sign of the key, and the bit with which locks_of marks it."""


def aircraft_keys(aircraft: Iterable[str]) -> NDArray[np.int64]:
    """The keys of aircraft, by name: negative, so that none equals a key of airspace. Two aircraft with the same hash
    only wait for each other without need."""
    hashed = (int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big") for name in aircraft)
    return np.array([~(number >> _SPARE_BITS) for number in hashed], np.int64)


def locks_of(cover: Cover, aircraft: Iterable[str] = ()) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The keys to lock for a cover, ascending, and which of them exclusively: those of aircraft always.

    The keys form a tree of three levels: areas, their leaves, and in a leaf the bands of height above ground. A node is
    locked exclusively and its ancestors shared: two covers that may overlap have a common key that at least one locks
    exclusively, and two that differ in cell, time or band do not wait for each other.
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
    # The last bit marks a shared lock: if a key is needed both ways, the exclusive lock sorts first, and is taken.
    marked = np.concatenate(alone + shared) << 1
    marked[sum(map(len, alone)) :] |= 1
    marked.sort()
    keys = marked >> 1
    firsts = changes(keys)
    return keys[firsts], (marked[firsts] & 1) == 0


def lock_counts(cover: Cover, owners: int) -> NDArray[np.intp]:
    """The maximum number of locks of each owner."""
    counts = np.minimum(_bands(cover)[1], _BANDS_MAX) + 2
    return np.bincount(cover.owner, counts, minlength=owners).astype(np.intp)


def _bands(cover: Cover) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The lowest band of each node, and the number of bands."""
    bands = np.floor(cover.heights[:, 2:] / BAND_M)
    first, last = np.minimum(np.maximum(bands, 0), _BANDS).astype(np.int64).T
    # A floor above ground may be higher than a ceiling above sea level everywhere: such a volume overlaps nothing.
    return first, np.maximum(last - first, 0) + 1
