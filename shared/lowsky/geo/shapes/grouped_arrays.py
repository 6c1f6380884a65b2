"""So many of each, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.intp]


def numbered(counts: Indices) -> tuple[Indices, Indices]:
    """For so many things of each owner, one after the other: the owner of each, and its number among the owner's."""
    owner = np.arange(len(counts)).repeat(counts)
    return owner, np.arange(len(owner)) - (counts.cumsum() - counts).repeat(counts)


def changes(first: NDArray[Any], *others: NDArray[Any]) -> NDArray[np.bool_]:
    """Which rows, sorted by these keys, are not as the one before them; the first one is not."""
    begins = np.ones(len(first), dtype=np.bool_)
    begins[1:] = first[1:] != first[:-1]
    for key in others:
        begins[1:] |= key[1:] != key[:-1]
    return begins


def of_some(owner: Indices, owners: Sequence[int]) -> tuple[Indices, Indices] | None:
    """The things that belong to some owners, ascending, and the indexes of their owners in the list; None: all of them.

    Args:
        owner: Of each thing, never decreasing.
    """
    past = int(owner[-1]) + 1 if len(owner) else 0
    size = owners[-1] + 1 if len(owners) else 0
    if past <= size == len(owners):
        return None
    place = np.full(max(past, size), -1, dtype=np.intp)
    place[owners] = np.arange(len(owners))
    places = place[owner]
    keep = (places >= 0).nonzero()[0]
    return keep, places[keep]
