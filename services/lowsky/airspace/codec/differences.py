"""The difference that an import makes: from stored and packed zones to the message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lowsky.airspace.codec.zones import PackedZone, VersionStamp
from lowsky.airspace.domain.dataset import Dataset
from lowsky.airspace.domain.difference import Kind, difference
from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.geo.codec import geozone_from_message

NAMED_MAX = 1_000
"""Zones that a difference names; some 150 bytes each, and nobody reads on. The others are counted."""

_Kind = pb.ZoneChange.Kind
_Aspect = pb.ZoneChange.Aspect


def difference_to(dataset: Dataset, stored: Mapping[str, bytes], packed: Sequence[PackedZone]) -> pb.ImportDifference:
    """What putting the packed zones in the place of the stored ones changes.

    `stored` are the Geozone messages of the dataset's present version by name, as they were packed and then stamped, so
    that most of a national file that is imported again is known to be the same by its bytes alone.
    """
    stamp = VersionStamp.of(dataset.version).on_geozone
    before = {name: message.removesuffix(stamp) for name, message in stored.items()}
    after = {zone.name: zone.geozone for zone in packed}
    differing = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    changes = difference(
        {name: geozone_from_message(pb.Geozone.FromString(before[name])) for name in differing & before.keys()},
        {name: geozone_from_message(pb.Geozone.FromString(after[name])) for name in differing & after.keys()},
    )
    counts = {kind: sum(change.kind is kind for change in changes) for kind in Kind}
    return pb.ImportDifference(
        from_version=dataset.version,
        added=counts[Kind.ADDED],
        changed=counts[Kind.CHANGED],
        removed=counts[Kind.REMOVED],
        unchanged=len(before) - counts[Kind.CHANGED] - counts[Kind.REMOVED],
        area_gained_m2=sum(change.area_gained_m2 for change in changes),
        area_lost_m2=sum(change.area_lost_m2 for change in changes),
        zones=[
            pb.ZoneChange(
                geozone=change.name,
                identifier=change.identifier,
                kind=_Kind.Value(f"KIND_{change.kind}"),
                aspects=[_Aspect.Value(f"ASPECT_{aspect}") for aspect in change.aspects],
                area_gained_m2=change.area_gained_m2,
                area_lost_m2=change.area_lost_m2,
            )
            for change in changes[:NAMED_MAX]
        ],
        unnamed=max(0, len(changes) - NAMED_MAX),
    )
