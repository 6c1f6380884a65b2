"""A cache of reserved volumes in memory, from one batch to the next: volumes of a revision never change, so they are
read only once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

import numpy as np

from lowsky.geo.volumes.stored_volumes import Run, StoredVolumes
from lowsky.geo.volumes.volumes import Volumes

CAPACITY: Final = 65_536
"""Volumes in the cache, some 3 500 flights: about 60 MB, twice that while two batches are in progress."""

Key = tuple[UUID, int]
"""A plan, and the revision of its reservation."""


class Shelf:
    """A cache of the volumes of plans in columns, so that any two of them can be compared.

    It has two generations. When the current one is full, an empty one replaces it: volumes that are used again are
    copied to it, and those that are not used until the next replacement are dropped.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._now = self._before = StoredVolumes(capacity)
        self._runs: dict[Key, tuple[StoredVolumes, Run]] = {}

    def __contains__(self, key: Key) -> bool:
        return key in self._runs

    def together(
        self, new: Sequence[Key], volumes: Volumes, held: Mapping[Key, Volumes | None]
    ) -> tuple[StoredVolumes, Mapping[Key, Run]]:
        """Puts all of these into the same columns; returns the columns and the run of each plan.

        Args:
            new: Plans whose volumes follow each other in `volumes`, by owner.
            held: Other plans; None for those whose volumes are cached already.
        """
        moving = {key: of for key, of in held.items() if key not in self._runs or self._runs[key][0] is not self._now}
        if len(volumes) + self._sizes(moving) > self._now.room:
            moving = dict(held)
            self._before, self._now = self._now, StoredVolumes(max(self._capacity, len(volumes) + self._sizes(moving)))
            self._runs = {key: run for key, run in self._runs.items() if run[0] is self._before or key in held}
        for key, of in moving.items():
            self._runs[key] = (self._now, self._moved(key, of))
        first = self._now.add(volumes)
        for key, count in zip(new, np.bincount(volumes.owner, minlength=len(new)).tolist(), strict=True):
            self._runs[key] = (self._now, Run(first, count))
            first += count
        return self._now, {key: self._runs[key][1] for key in [*new, *held]}

    def _sizes(self, plans: Mapping[Key, Volumes | None]) -> int:
        return sum(self._runs[key][1].count if of is None else len(of) for key, of in plans.items())

    def _moved(self, key: Key, volumes: Volumes | None) -> Run:
        if volumes is not None:
            return Run(self._now.add(volumes), len(volumes))
        source, run = self._runs[key]
        return Run(self._now.copy(run, source), run.count)
