"""The heights of a geometry's positions, which a mapping may declare to be limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lowsky.airspace.reading.attributes.json_values import mapping, number


@dataclass(frozen=True, slots=True)
class Heights:
    """The lowest and the highest height, as published; None where they are unusable, and `missing` states why."""

    lowest: float | None
    highest: float | None
    missing: str = ""


def heights_of(geometry: object) -> Heights:
    """Of all positions of a geometry or a collection. One without a height, or 0 for all, leaves them open."""
    found: list[float] = []
    for position in _positions(geometry):
        height = number(position[2]) if len(position) > 2 else None
        if height is None:
            return Heights(None, None, "a position has no height, so that neither the lowest nor the highest is known")
        found.append(height)
    if not any(found):
        return Heights(None, None, "all heights are 0, which stands for no height")
    return Heights(min(found), max(found))


def has_heights(geometry: object) -> bool:
    """Whether any position has a height that is not 0."""
    return any(len(position) > 2 and number(position[2]) != 0.0 for position in _positions(geometry))


def _positions(geometry: object) -> Iterator[list[object]]:
    waiting: list[object] = list(_coordinates(mapping(geometry)))
    while waiting:
        item = waiting.pop()
        if isinstance(item, list) and item:
            if isinstance(item[0], list):
                waiting.extend(item)
            else:
                yield item


def _coordinates(geometry: Mapping[str, object]) -> Iterator[object]:
    yield geometry.get("coordinates")
    inner = geometry.get("geometries")
    for part in inner if isinstance(inner, list) else ():
        yield from _coordinates(mapping(part))
