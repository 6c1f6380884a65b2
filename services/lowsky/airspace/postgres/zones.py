"""Geozones in PostgreSQL: replaced a dataset at a time, found by name, dataset and box."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lowsky.airspace.codec.datasets import to_event
from lowsky.airspace.codec.imports.packed_zones import PackedZones
from lowsky.airspace.codec.zones import Box, PackedZone, VersionStamp
from lowsky.airspace.domain.dataset import Dataset
from lowsky.db.database import Connection, in_batches
from lowsky.db.pages import fetch_page
from lowsky.errors import NotFound
from lowsky.events import topics
from lowsky.events.event import Event
from lowsky.events.outbox import append, append_many
from lowsky.process import tracing


@dataclass(frozen=True, slots=True)
class StoredZone:
    """A zone under its name: lowsky.api.airspace.v1.Geozone, without its published text."""

    name: str
    message: bytes


class ZoneStore:
    """The geozones in force, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def replace(self, dataset: Dataset, zones: PackedZones, now: datetime) -> None:
        """Replaces all zones of the dataset, and emits events: zones, removals, then the dataset.

        The caller has locked the airspace, so that events of two imports never interleave, and saved the dataset.
        """
        before = {
            row["name"]
            for row in await self._connection.fetch(
                "DELETE FROM geozones WHERE dataset = $1 RETURNING name", dataset.name
            )
        }
        await self._put(dataset, zones, sorted(name for name in before if name not in zones), now)

    async def change(
        self, dataset: Dataset, added: Sequence[PackedZone], removed: Sequence[str], now: datetime
    ) -> None:
        """Adds zones to the dataset and removes others, and emits events in the same order as a replacement.

        The caller has locked the airspace and saved the dataset.
        """
        await self._connection.execute(
            "DELETE FROM geozones WHERE dataset = $1 AND name = ANY ($2::text[])", dataset.name, removed
        )
        await self._put(dataset, added, sorted(removed), now)

    async def _put(self, dataset: Dataset, zones: Iterable[PackedZone], removed: Sequence[str], now: datetime) -> None:
        """Iterates over the zones twice, one at a time."""
        stamp = VersionStamp.of(dataset.version)
        await self._connection.copy_records_to_table(
            "geozones",
            columns=("name", "dataset", "west", "south", "east", "north", "message", "published_json"),
            records=(
                (
                    zone.name,
                    dataset.name,
                    zone.box.west,
                    zone.box.south,
                    zone.box.east,
                    zone.box.north,
                    zone.geozone + stamp.on_geozone,
                    zone.published_json,
                )
                for zone in zones
            ),
        )
        imported = Event(topics.GEOZONES, dataset.name, "lowsky.dataset.imported.v1", to_event(dataset), now)
        await append_many(self._connection, _zone_events(zones, removed, stamp, imported))
        await append(self._connection, [imported])

    async def messages(self, dataset: str) -> dict[str, bytes]:
        """All zones of a dataset by name: lowsky.api.airspace.v1.Geozone, without their published texts."""
        rows = await self._connection.fetch("SELECT name, message FROM geozones WHERE dataset = $1", dataset)
        return {row["name"]: row["message"] for row in rows}

    async def messages_in_batches(self, dataset: str, size: int) -> AsyncIterator[Mapping[str, bytes]]:
        """The same, in batches of `size`."""
        statement = "SELECT name, message FROM geozones WHERE dataset = $1"
        async for rows in in_batches(self._connection, size, statement, dataset):
            yield {row["name"]: row["message"] for row in rows}

    async def get(self, name: str) -> tuple[StoredZone, str]:
        """One zone, and its published text.

        Raises:
            NotFound
        """
        row = await self._connection.fetchrow(
            "SELECT name, message, published_json FROM geozones WHERE name = $1", name
        )
        if row is None:
            raise NotFound(name)
        return StoredZone(row["name"], row["message"]), row["published_json"].decode()

    async def list(
        self, dataset: str, boxes: Sequence[Box] | None, after: str | None, limit: int, bytes_max: int
    ) -> tuple[Sequence[StoredZone], bool]:
        """Zones by name, starting after `after`: of all datasets where `dataset` is empty, everywhere where `boxes` is

        None, else those whose bounding box intersects one of the boxes, edges included. As many as fit
        into `bytes_max`, at least one; and whether there are more.
        """
        rows, more = await fetch_page(
            self._connection,
            """SELECT name, message FROM geozones
               WHERE name > $1 AND ($2 = '' OR dataset = $2)
                 AND ($3 OR EXISTS (
                     SELECT 1 FROM unnest($4::float8[], $5::float8[], $6::float8[], $7::float8[]) AS b (w, s, e, n)
                     WHERE geozones.west <= b.e AND geozones.east >= b.w
                       AND geozones.south <= b.n AND geozones.north >= b.s))
               ORDER BY name LIMIT $8""",
            (
                after or "",
                dataset,
                boxes is None,
                [box.west for box in boxes or ()],
                [box.south for box in boxes or ()],
                [box.east for box in boxes or ()],
                [box.north for box in boxes or ()],
                limit + 1,
            ),
            size="octet_length(message)",
            order="name",
            rows=limit,
            bytes_max=bytes_max,
        )
        return [StoredZone(row["name"], row["message"]) for row in rows], more


def _zone_events(
    zones: Iterable[PackedZone], removed: Iterable[str], stamp: VersionStamp, imported: Event
) -> Iterator[Event]:
    """Events whose cause is the import's event, which follows the last of them; consumers match them by this cause."""
    traceparent, cause = tracing.current_traceparent(), tracing.current_cause()
    correlation_id = cause.correlation_id if cause else ""

    def event(name: str, what: str, value: bytes | None) -> Event:
        return Event(
            topics.GEOZONES,
            name,
            f"lowsky.geozone.{what}.v1",
            value,
            imported.occurred_at,
            traceparent=traceparent,
            correlation_id=correlation_id,
            causation_id=imported.id,
        )

    for zone in zones:
        yield event(zone.name, "published", zone.event + stamp.on_event)
    for name in removed:
        yield event(name, "removed", None)
