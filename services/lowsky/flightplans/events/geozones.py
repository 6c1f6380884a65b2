"""Applies the events of geozones and datasets to the projection of the airspace."""

from __future__ import annotations

import structlog
from google.protobuf.message import DecodeError

from lowsky.api.events.v1 import events_pb2
from lowsky.events.event import Event
from lowsky.events.watching.tail import Positions
from lowsky.flightplans.projections.airspace import Airspace
from lowsky.geo.codec.zones import geozone_from_message

log = structlog.get_logger()


class OnGeozones:
    """Consumes lowsky.geozones.v1.

    An event is applied by its content, not by its exact type: a type that a later version added may change a zone too.
    """

    def __init__(self, airspace: Airspace) -> None:
        self._airspace = airspace

    def __call__(self, event: Event, _positions: Positions) -> None:
        if event.key.startswith("geozones/") and event.value is None:
            self._airspace.zone_removed(_dataset_of(event.key), event.key)
        elif event.key.startswith("datasets/") and event.value is None:
            self._airspace.dataset_removed(event.key)
        elif event.value is None:
            log.warning("a removal with an unknown kind of key is skipped", key=event.key)
        elif event.type.startswith("lowsky.geozone."):
            try:
                message = events_pb2.GeozoneEvent.FromString(event.value).geozone
                self._airspace.zone_published(message.dataset, event.key, geozone_from_message(message))
            except Exception as error:  # whatever the cause
                self._airspace.zone_unreadable(_dataset_of(event.key), event.key, str(error))
        elif event.type == "lowsky.dataset.imported.v1":
            try:
                dataset = events_pb2.DatasetEvent.FromString(event.value).dataset
            except DecodeError as error:
                self._airspace.import_unreadable(event.key, str(error))
            else:
                self._airspace.dataset_imported(dataset.name, dataset.airspace_revision, dataset.geozone_count)
        else:
            log.warning("an event of a later version is skipped", key=event.key, type=event.type)


def _dataset_of(geozone: str) -> str:
    """geozones/{dataset}.{identifier} → datasets/{dataset}"""
    return "datasets/" + geozone.removeprefix("geozones/").partition(".")[0]
