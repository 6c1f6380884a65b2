"""Volumes that plans hold, kept in memory from one batch to the next: they never change, so nobody reads them twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

import numpy as np

from lowsky.geo.volumes.stored import Run, StoredVolumes
from lowsky.geo.volumes.volumes import Volumes

CAPACITY: Final = 65_536
"""Volumes on a shelf, some 3 500 flights: about 60 MB, twice while two batches are under way."""

Key = tuple[UUID, int]
"""A plan, and the revision of what it holds."""


class Shelf:
    """The volumes of plans in columns, so that any two of them can be compared.

    A full shelf gives way to an empty one. What is wanted again moves over; what was not wanted since is forgotten.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._now = self._before = StoredVolumes(capacity)
        self._places: dict[Key, tuple[StoredVolumes, Run]] = {}

    def __contains__(self, key: Key) -> bool:
        return key in self._places

    def together(
        self, new: Sequence[Key], volumes: Volumes, held: Mapping[Key, Volumes | None]
    ) -> tuple[StoredVolumes, Mapping[Key, Run]]:
        """All of these in the same columns, and where each plan's are.

        Args:
            new: Plans whose volumes come one plan after the other in `volumes`, by owner.
            held: Other plans; None for those whose volumes are here already.
        """
        moving = {
            key: of for key, of in held.items() if key not in self._places or self._places[key][0] is not self._now
        }
        if len(volumes) + self._sizes(moving) > self._now.room:
            moving = dict(held)
            self._before, self._now = self._now, StoredVolumes(max(self._capacity, len(volumes) + self._sizes(moving)))
            self._places = {
                key: place for key, place in self._places.items() if place[0] is self._before or key in held
            }
        for key, of in moving.items():
            self._places[key] = (self._now, self._moved(key, of))
        first = self._now.add(volumes)
        for key, count in zip(new, np.bincount(volumes.owner, minlength=len(new)).tolist(), strict=True):
            self._places[key] = (self._now, Run(first, count))
            first += count
        return self._now, {key: self._places[key][1] for key in [*new, *held]}

    def _sizes(self, plans: Mapping[Key, Volumes | None]) -> int:
        return sum(self._places[key][1].count if of is None else len(of) for key, of in plans.items())

    def _moved(self, key: Key, volumes: Volumes | None) -> Run:
        if volumes is not None:
            return Run(self._now.add(volumes), len(volumes))
        source, run = self._places[key]
        return Run(self._now.copy(run, source), run.count)
