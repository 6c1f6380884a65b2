"""Those who keep authorities and publish zones in these tests, with the calls they make."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import grpc

from lowsky.api.airspace.v1 import authorities_pb2 as authorities
from lowsky.api.airspace.v1 import authorities_pb2_grpc, geozones_pb2_grpc
from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.events import topics
from lowsky.events.event import Event
from tests.support.errors import Answer, error_of
from tests.support.installation import Installation
from tests.support.polling import eventually

TOPIC = topics.GEOZONES
CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Publisher:
    """Somebody who publishes for an authority."""

    installation: Installation
    authority: str
    geozones: geozones_pb2_grpc.GeozonesServiceAsyncStub

    def header(self, dataset: str, **fields: Any) -> pb.ImportHeader:
        """A header of this publisher's."""
        usual: dict[str, Any] = {"request_id": str(uuid4()), "dataset": dataset, "authority": self.authority}
        return pb.ImportHeader(**(usual | fields))

    async def publish(self, dataset: str, data: bytes, **fields: Any) -> pb.ImportGeozonesResponse:
        """Imports a file."""
        return await self.send(messages(self.header(dataset, **fields), data))

    async def replace(self, dataset: str, data: bytes, **fields: Any) -> pb.ImportGeozonesResponse:
        """Imports a file and confirms what that takes away, again where another import comes between."""
        return await confirming(lambda digest: self.publish(dataset, data, confirm_difference=digest, **fields))

    async def send(self, parts: Iterable[pb.ImportGeozonesRequest]) -> pb.ImportGeozonesResponse:
        """Sends these very messages."""

        async def stream() -> AsyncIterator[pb.ImportGeozonesRequest]:
            for part in parts:
                yield part

        return await self.geozones.ImportGeozones(stream(), timeout=120)

    async def names(self, **request: Any) -> list[str]:
        """Names of the zones listed, over all pages."""
        return [zone.name for page in await self.pages(**request) for zone in page.geozones]

    async def pages(self, **request: Any) -> list[pb.ListGeozonesResponse]:
        """All pages of a list."""
        pages = [await self.geozones.ListGeozones(pb.ListGeozonesRequest(**request))]
        while token := pages[-1].next_page_token:
            pages.append(await self.geozones.ListGeozones(pb.ListGeozonesRequest(**request, page_token=token)))
        return pages

    async def events(self, dataset: str, version: int) -> list[tuple[Event, Any]]:
        """The events of one dataset on the topic, once the one of that version is there."""

        async def there() -> list[tuple[Event, Any]]:
            events = await self.installation.events(TOPIC)
            own = [pair for pair in events if _dataset_of(pair[0]) == dataset]
            last = [value for event, value in own if event.type == "lowsky.dataset.imported.v1"]
            return own if last and last[-1].dataset.version >= version else []

        return await eventually(there, within_s=60, what=f"version {version} of {dataset} on the topic")


async def confirming(call: Callable[[str], Awaitable[Answer]]) -> Answer:
    """A call that may take away so much that its difference has to be confirmed; other refusals are raised."""
    digest = ""
    while True:
        try:
            return await call(digest)
        except grpc.aio.AioRpcError as error:
            failure = error_of(error)
            if failure.reason != "REMOVAL_NOT_CONFIRMED":
                raise
            assert failure.metadata["digest"] != digest
            digest = failure.metadata["digest"]


async def new_publisher(installation: Installation, display_name: str = "") -> Publisher:
    """A publisher of a new authority."""
    authority_id = f"a{secrets.token_hex(4)}"
    await create_authority(installation, authority_id, display_name=display_name or f"Authority {authority_id}")
    token = installation.token(roles=["publisher"], authority=authority_id, subject=f"publisher of {authority_id}")
    stub = installation.stub(geozones_pb2_grpc.GeozonesServiceStub, "airspace", token)
    return Publisher(installation, f"authorities/{authority_id}", stub)


async def create_authority(installation: Installation, authority_id: str, **fields: Any) -> authorities.Authority:
    """An authority, created by an administrator."""
    usual = {"display_name": "Somebody", "country": "AUT", "time_zone": "Europe/Vienna"}
    request = authorities.CreateAuthorityRequest(
        request_id=str(uuid4()), authority_id=authority_id, authority=authorities.Authority(**(usual | fields))
    )
    return (await administration(installation).CreateAuthority(request)).authority


def administration(installation: Installation) -> authorities_pb2_grpc.AuthoritiesServiceAsyncStub:
    """What an administrator calls."""
    token = installation.token(roles=["administrator"], subject="administrator")
    return installation.stub(authorities_pb2_grpc.AuthoritiesServiceStub, "airspace", token)


def messages(header: pb.ImportHeader, data: bytes) -> list[pb.ImportGeozonesRequest]:
    """The stream of an import."""
    chunks = [data[start : start + CHUNK_BYTES] for start in range(0, len(data), CHUNK_BYTES)]
    return [pb.ImportGeozonesRequest(header=header), *(pb.ImportGeozonesRequest(chunk=chunk) for chunk in chunks)]


def reasons(entry: pb.ReportEntry) -> set[str]:
    """The reasons of an entry's notes."""
    return {note.reason for note in entry.notes}


def outcomes(report: pb.ImportReport) -> Mapping[str, str]:
    """What became of each zone, by published identifier."""
    names = pb.ReportEntry.Outcome
    return {entry.identifier: names.Name(entry.outcome).removeprefix("OUTCOME_") for entry in report.entries}


def new_dataset() -> str:
    """The name of a dataset that does not exist."""
    return f"datasets/d{secrets.token_hex(4)}"


def _dataset_of(event: Event) -> str:
    if event.key.startswith("geozones/"):
        return f"datasets/{event.key.removeprefix('geozones/').split('.')[0]}"
    return event.key
