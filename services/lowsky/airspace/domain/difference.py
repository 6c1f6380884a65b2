"""What an import changes: compares the zones of a dataset before and after, by name, with the area gained and lost.

Zones are compared as they are read, not as they are written: the order of layers, of periods, of authorities and of
texts, the first vertex and direction of a ring, and the layout of a file do not count as changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import shapely
from shapely.geometry.base import BaseGeometry

from lowsky.airspace.domain.protection import Loss, losses
from lowsky.geo.heights.altitude import AltitudeBand
from lowsky.geo.shapes.areas import areas_m2, beyond_m2
from lowsky.geo.zones.geozone import Geozone

SHARE_TAKEN_MAX = 0.1
"""Share of a dataset's zones that an import may remove or weaken, or of their ground that it may remove, without a
confirmation: weekly versions of national datasets lose a few percent; a truncated, empty or wrong file loses more."""
AREA_ERROR = 2e-6
"""Relative error of two compared areas (lowsky.geo.shapes.areas); less than one zone of 100 000."""

SLIVER_DEGREES2 = 1e-12
"""Some 0.01 m²: what rounding leaves where the layers of two versions are laid over each other."""


class ChangeKind(StrEnum):
    """What an import does to a zone."""

    ADDED = "ADDED"
    CHANGED = "CHANGED"
    REMOVED = "REMOVED"


class Aspect(StrEnum):
    """The aspects in which a zone may differ."""

    EXTENT = "EXTENT"
    """The ground that all its layers cover together, even if only by a centimetre."""
    ALTITUDE = "ALTITUDE"
    """Limits or datums over ground that is covered before and after, or the stated elevation of that ground."""
    TIMES = "TIMES"
    RESTRICTION = "RESTRICTION"
    """What it requires of a flight: restriction, variant, reasons, conditions, exemption."""
    AUTHORITIES = "AUTHORITIES"
    """The authorities named, their purposes, contact data and notice periods."""
    TEXTS = "TEXTS"
    """Titles, messages, other reasons, country and region."""


@dataclass(frozen=True, slots=True)
class ZoneChange:
    """What an import changes in one zone; `aspects` is empty unless it is CHANGED."""

    name: str
    identifier: str
    kind: ChangeKind
    aspects: tuple[Aspect, ...] = ()
    area_gained_m2: float = 0.0
    area_lost_m2: float = 0.0
    losses: tuple[Loss, ...] = ()
    """The kinds of protection that it loses."""

    def rank(self) -> tuple[float, str]:
        """Orders changes, the greatest area gained and lost first, then by name."""
        return -self.area_gained_m2 - self.area_lost_m2, self.name


@dataclass(frozen=True, slots=True)
class Losing:
    """The zones that lose one kind of protection."""

    loss: Loss
    zones: int
    first: Sequence[str]
    """The names of the first ones."""

    def __str__(self) -> str:
        return f"{self.loss} {self.zones}: {', '.join(self.first)}{', …' if self.zones > len(self.first) else ''}"


@dataclass(frozen=True, slots=True)
class Difference:
    """How a dataset's next version differs from its current one."""

    from_version: int
    """The current version; 0 before the first import."""
    added: int
    changed: int
    removed: int
    unchanged: int
    area_gained_m2: float
    area_lost_m2: float
    zones: Sequence[ZoneChange]
    """The greatest changes."""
    unnamed: int
    """How many further zones change."""
    digest: str
    """Identifies this difference, including zones that are not listed."""
    needs_confirmation: bool
    """More is removed than is allowed without a confirmation."""
    taken_away: int
    """Number of zones that are removed or protect less."""
    area_before_m2: float
    losses: Sequence[Losing]
    """One entry for each kind of protection that any zone loses."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """A zone in both versions; None in the version that does not contain it."""

    name: str
    before: Geozone | None
    after: Geozone | None


def difference(before: Mapping[str, Geozone], after: Mapping[str, Geozone], now: datetime) -> list[ZoneChange]:
    """Each zone that is not the same in both, the greatest area gained and lost first, then by name.

    Areas are of the ground that all layers of a zone together cover, accurate to 1e-6 (lowsky.geo.shapes.areas).
    Periods that are over at `now` are no protection that could be lost.
    """
    pairs = [
        _Pair(name, before.get(name), after.get(name))
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]
    grounds_before = [_ground(pair.before) for pair in pairs]
    grounds_after = [_ground(pair.after) for pair in pairs]
    gained = beyond_m2(grounds_after, grounds_before).tolist()
    lost = beyond_m2(grounds_before, grounds_after).tolist()
    changes: list[ZoneChange] = []
    for pair, ground_before, ground_after, gained_m2, lost_m2 in zip(
        pairs, grounds_before, grounds_after, gained, lost, strict=True
    ):
        kind, aspects = (ChangeKind.ADDED if pair.before is None else ChangeKind.REMOVED), tuple[Aspect, ...]()
        lost_of_it: tuple[Loss, ...] = () if pair.before is None else (Loss.REMOVED,)
        if pair.before is not None and pair.after is not None:
            kind, aspects = ChangeKind.CHANGED, _aspects(pair.before, pair.after, ground_before, ground_after)
            if not aspects:
                continue
            if Aspect.EXTENT not in aspects:
                gained_m2 = lost_m2 = 0.0
            lost_of_it = losses(pair.before, pair.after, now)
        identifier = (pair.after or pair.before).identifier  # type: ignore[union-attr]  # one of them is there
        changes.append(ZoneChange(pair.name, identifier, kind, aspects, gained_m2, lost_m2, lost_of_it))
    return sorted(changes, key=ZoneChange.rank)


def ground_m2(zones: Iterable[Geozone]) -> float:
    """The ground that zones cover; ground in two zones counts twice."""
    return float(areas_m2([_ground(zone) for zone in zones]).sum())


def _ground(zone: Geozone | None) -> BaseGeometry:
    return _union([layer.outline for layer in zone.layers]) if zone else shapely.Polygon()


def _union(outlines: Sequence[BaseGeometry]) -> BaseGeometry:
    return outlines[0] if len(outlines) == 1 else shapely.union_all(outlines)


def _aspects(
    before: Geozone, after: Geozone, ground_before: BaseGeometry, ground_after: BaseGeometry
) -> tuple[Aspect, ...]:
    same_ground = _same(ground_before, ground_after)
    differs = {
        Aspect.EXTENT: not same_ground,
        Aspect.ALTITUDE: before.terrain_m != after.terrain_m
        or _altitude_differs(before, after, ground_before, ground_after),
        Aspect.TIMES: set(before.applicability.periods) != set(after.applicability.periods),
        Aspect.RESTRICTION: _requirements(before) != _requirements(after),
        Aspect.AUTHORITIES: set(before.authorities) != set(after.authorities),
        Aspect.TEXTS: _texts(before) != _texts(after),
    }
    return tuple(aspect for aspect, is_so in differs.items() if is_so)


def _altitude_differs(before: Geozone, after: Geozone, ground_before: BaseGeometry, ground_after: BaseGeometry) -> bool:
    """Whether the limits differ anywhere on the ground that both versions cover."""
    bands_before, bands_after = _bands(before), _bands(after)
    if bands_before.keys() != bands_after.keys():
        return True
    if len(bands_before) == 1:
        return False
    moved = [
        shapely.symmetric_difference(bands_before[band], bands_after[band])
        for band in bands_before
        if not _same(bands_before[band], bands_after[band])
    ]
    if not moved:
        return False
    common = shapely.intersection(ground_before, ground_after)
    return bool(shapely.area(shapely.intersection(shapely.union_all(moved), common)) > SLIVER_DEGREES2)


def _bands(zone: Geozone) -> dict[AltitudeBand, BaseGeometry]:
    """The ground of each pair of limits."""
    outlines: dict[AltitudeBand, list[BaseGeometry]] = {}
    for layer in zone.layers:
        outlines.setdefault(layer.altitude, []).append(layer.outline)
    return {band: _union(parts) for band, parts in outlines.items()}


def _same(one: BaseGeometry, other: BaseGeometry) -> bool:
    return bool(shapely.equals_exact(one, other) or shapely.equals(one, other))


def _requirements(zone: Geozone) -> tuple[object, ...]:
    return zone.restriction, zone.variant, set(zone.reasons), zone.conditions, zone.regulation_exemption


def _texts(zone: Geozone) -> tuple[object, ...]:
    return set(zone.names), set(zone.messages), set(zone.other_reasons), zone.country, zone.region
