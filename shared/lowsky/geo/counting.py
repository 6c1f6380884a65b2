"""So many of each, as arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def numbered(counts: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """For so many things of each owner, one after the other: the owner of each, and its number among the owner's."""
    owner = np.repeat(np.arange(len(counts)), counts)
    return owner, np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
