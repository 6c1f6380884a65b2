"""Datasets as messages."""

from __future__ import annotations

from lowsky.airspace.domain.dataset import Dataset
from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.api.events.v1 import events_pb2


def to_message(dataset: Dataset) -> pb.Dataset:
    """The resource."""
    message = pb.Dataset(
        name=dataset.name,
        version=dataset.version,
        airspace_revision=dataset.airspace_revision,
        title=dataset.title,
        authority=dataset.authority,
        geozone_count=dataset.geozone_count,
    )
    if dataset.import_time is not None:
        message.import_time.FromDatetime(dataset.import_time)
    return message


def to_event(dataset: Dataset) -> bytes:
    """The value of lowsky.dataset.imported events."""
    return events_pb2.DatasetEvent(dataset=to_message(dataset)).SerializeToString()
