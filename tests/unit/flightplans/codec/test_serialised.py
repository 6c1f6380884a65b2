"""Serialised forms are made once for each version of an object, and forgotten with it."""

from __future__ import annotations

import gc
import operator

from lowsky.flightplans.codec.serialised import Serialised


class Thing:
    """Equal to others, and without a hash, as plans are."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return True


def test_a_form_is_made_once_for_each_version_of_each_object() -> None:
    made: list[Thing] = []

    def serialise(thing: Thing) -> bytes:
        made.append(thing)
        return str(len(made)).encode()

    serialised: Serialised[Thing, int] = Serialised(operator.eq)
    one, other = Thing(), Thing()
    assert [serialised.of(one, 1, serialise) for _ in range(2)] == [b"1", b"1"]
    assert serialised.of(other, 1, serialise) == b"2"
    assert serialised.of(one, 2, serialise) == b"3"
    assert serialised.of(one, 1, serialise) == b"4"


def test_what_is_gone_is_forgotten() -> None:
    serialised: Serialised[Thing, int] = Serialised(operator.eq)
    things = [Thing() for _ in range(10)]
    for thing in things:
        serialised.of(thing, 1, lambda _: b"x")
    assert len(serialised._kept) == 10
    del thing
    things.clear()
    gc.collect()
    assert serialised._kept == {}
