"""The difference that an import makes, computed in batches from stored and packed zones; and as a message."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from itertools import islice

from lowsky.airspace.codec.imports.packed_zones import PackedZones
from lowsky.airspace.codec.zones import VersionStamp
from lowsky.airspace.domain.dataset import Dataset
from lowsky.airspace.domain.difference import (
    AREA_ERROR,
    SHARE_TAKEN_MAX,
    ChangeKind,
    Difference,
    Losing,
    ZoneChange,
    difference,
    ground_m2,
)
from lowsky.airspace.domain.protection import Loss
from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.geo.codec.zones import geozone_from_message
from lowsky.geo.zones.geozone import Geozone

NAMED_MAX = 1_000
"""Zones that a difference lists, about 150 bytes each; more are not useful to a reader. The others are counted."""

LOST_NAMED_MAX = 5
"""Zones that are named for each kind of loss."""

DIGEST_LENGTH = 16
"""Hexadecimal digits: enough to distinguish the differences of one dataset, and short enough to copy by hand."""

BATCH = 1_000
"""Zones compared at once: as geometries they take some 10 MB."""

_Kind = pb.ZoneChange.Kind
_Aspect = pb.ZoneChange.Aspect


class Differences:
    """The changes made by replacing a dataset's current zones with packed zones."""

    def __init__(self, dataset: Dataset, packed: PackedZones, now: datetime) -> None:
        """Compares with the dataset at its current version."""
        self._now = now
        self._dataset = dataset
        self._packed = packed
        self._stamp = VersionStamp.of(dataset.version).on_geozone
        self._stored: set[str] = set()
        self._counts = dict.fromkeys(ChangeKind, 0)
        self._gained_m2 = self._lost_m2 = self._before_m2 = 0.0
        self._taken_away = 0
        self._lost = dict.fromkeys(Loss, 0)
        self._losing: dict[Loss, list[str]] = {loss: [] for loss in Loss}
        """The names of the first zones of each, in the order of the names."""
        self._digests = 0
        """Sum of the digests of all changes, so that the order in which they are found does not matter."""
        self._greatest: list[ZoneChange] = []

    def compare(self, stored: Mapping[str, bytes]) -> None:
        """Compares a batch of the current zones by name, packed and stamped.

        When a national file is imported again, most zones are recognised as unchanged by their bytes alone.
        """
        before: dict[str, Geozone] = {}
        after: dict[str, Geozone] = {}
        same: list[Geozone] = []
        for name, message in stored.items():
            self._stored.add(name)
            message = message.removesuffix(self._stamp)
            packed = self._packed.geozone(name) if name in self._packed else None
            if packed == message:
                same.append(_geozone(message))
                continue
            before[name] = _geozone(message)
            if packed is not None:
                after[name] = _geozone(packed)
        self._before_m2 += ground_m2((*same, *before.values()))
        self._count(difference(before, after, self._now))

    def finish(self) -> Difference:
        """The complete difference, once all current zones have been compared: packed zones without one are added."""
        added = (name for name in self._packed.names if name not in self._stored)
        while names := list(islice(added, BATCH)):
            new = {name: _geozone(self._packed.geozone(name)) for name in names}
            self._count(difference({}, new, self._now))
        changes = sum(self._counts.values())
        whole = f"{self._dataset.name} {self._dataset.version} {self._digests}"
        shares = (len(self._stored), self._taken_away), (self._before_m2, self._lost_m2)
        return Difference(
            from_version=self._dataset.version,
            added=self._counts[ChangeKind.ADDED],
            changed=self._counts[ChangeKind.CHANGED],
            removed=self._counts[ChangeKind.REMOVED],
            unchanged=len(self._stored) - self._counts[ChangeKind.CHANGED] - self._counts[ChangeKind.REMOVED],
            area_gained_m2=self._gained_m2,
            area_lost_m2=self._lost_m2,
            zones=self._greatest,
            unnamed=changes - len(self._greatest),
            digest=sha256(whole.encode()).hexdigest()[:DIGEST_LENGTH],
            needs_confirmation=any(taken > SHARE_TAKEN_MAX * of * (1.0 + AREA_ERROR) for of, taken in shares),
            taken_away=self._taken_away,
            area_before_m2=self._before_m2,
            losses=[Losing(loss, zones, self._losing[loss]) for loss, zones in self._lost.items() if zones],
        )

    def _count(self, changes: list[ZoneChange]) -> None:
        for change in changes:
            self._counts[change.kind] += 1
            self._taken_away += bool(change.losses)
            for loss in change.losses:
                self._lost[loss] += 1
                self._losing[loss] = heapq.nsmallest(LOST_NAMED_MAX, [*self._losing[loss], change.name])
            identity = (
                change.name,
                change.kind,
                *change.aspects,
                # The complete new zone: a confirmation for one file does not cover another that changes the same zones.
                sha256(self._packed.geozone(change.name)).hexdigest() if change.name in self._packed else "",
            )
            self._digests += int.from_bytes(sha256(repr(identity).encode()).digest())
        self._gained_m2 += sum(change.area_gained_m2 for change in changes)
        self._lost_m2 += sum(change.area_lost_m2 for change in changes)
        self._greatest = heapq.nsmallest(NAMED_MAX, [*self._greatest, *changes], key=ZoneChange.rank)


def to_message(found: Difference) -> pb.ImportDifference:
    """The difference as its publisher sees it."""
    return pb.ImportDifference(
        from_version=found.from_version,
        added=found.added,
        changed=found.changed,
        removed=found.removed,
        unchanged=found.unchanged,
        area_gained_m2=found.area_gained_m2,
        area_lost_m2=found.area_lost_m2,
        zones=map(_change_to_message, found.zones),
        unnamed=found.unnamed,
        digest=found.digest,
        needs_confirmation=found.needs_confirmation,
        taken_away=found.taken_away,
        area_before_m2=found.area_before_m2,
        losses=[pb.ProtectionLost(loss=_loss(one.loss), zones=one.zones, first=one.first) for one in found.losses],
    )


def _geozone(message: bytes) -> Geozone:
    return geozone_from_message(pb.Geozone.FromString(message))


def _change_to_message(change: ZoneChange) -> pb.ZoneChange:
    return pb.ZoneChange(
        geozone=change.name,
        identifier=change.identifier,
        kind=_Kind.Value(f"KIND_{change.kind}"),
        aspects=[_Aspect.Value(f"ASPECT_{aspect}") for aspect in change.aspects],
        area_gained_m2=change.area_gained_m2,
        area_lost_m2=change.area_lost_m2,
        losses=map(_loss, change.losses),
    )


def _loss(loss: Loss) -> pb.ProtectionLost.Loss.ValueType:
    return pb.ProtectionLost.Loss.Value(f"LOSS_{loss}")
