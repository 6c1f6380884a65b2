"""Serialised forms that are remembered for as long as the object they are of is in memory.

An answer, an event and a row of one plan need the same bytes within one transaction: they are made once.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
Version = TypeVar("Version")


class Serialised(Generic[T, Version]):
    """The last serialised form of each object, for one kind of form.

    Objects are told apart by identity, so that they need no hash; one that is gone is forgotten.
    """

    def __init__(self, same: Callable[[Version, Version], bool]) -> None:
        self._same = same
        self._kept: dict[int, tuple[weakref.ref[T], Version, bytes]] = {}

    def of(self, thing: T, version: Version, serialise: Callable[[T], bytes]) -> bytes:
        """The form of an object, serialised anew only if it was not before, or of another version."""
        key = id(thing)
        kept = self._kept.get(key)
        if kept is not None and kept[0]() is thing and self._same(kept[1], version):
            return kept[2]
        made = serialise(thing)
        self._kept[key] = weakref.ref(thing, lambda gone: self._forget(key, gone)), version, made
        return made

    def _forget(self, key: int, gone: weakref.ref[T]) -> None:
        kept = self._kept.get(key)
        if kept is not None and kept[0] is gone:  # else another object has this identity by now
            del self._kept[key]
