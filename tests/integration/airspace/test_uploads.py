"""The stream of an import: header first, then chunks, within limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.api.airspace.v1 import geozones_pb2_grpc
from tests.integration.airspace.publishing import Publisher, messages, new_dataset, new_publisher
from tests.support.errors import refusal
from tests.support.installation import Installation
from tests.support.polling import eventually
from tests.support.zone_files import ed269_zone, file_of

MIB = 1024 * 1024


def chunk(data: bytes) -> pb.ImportGeozonesRequest:
    return pb.ImportGeozonesRequest(chunk=data)


async def test_a_chunk_before_the_header_is_refused(publisher: Publisher) -> None:
    failure = await refusal(publisher.send([chunk(b"{}")]))
    assert (failure.code, failure.fields) == (grpc.StatusCode.INVALID_ARGUMENT, {"header": "INVALID_FIELD"})


async def test_a_second_header_is_refused(publisher: Publisher) -> None:
    header = pb.ImportGeozonesRequest(header=publisher.header(new_dataset()))
    failure = await refusal(publisher.send([header, chunk(b"{}"), header]))
    assert failure.fields == {"header": "INVALID_FIELD"}


async def test_an_empty_stream_and_a_header_alone_are_refused(publisher: Publisher) -> None:
    assert (await refusal(publisher.send([]))).fields == {"header": "INVALID_FIELD"}
    header = pb.ImportGeozonesRequest(header=publisher.header(new_dataset()))
    assert (await refusal(publisher.send([header]))).fields == {"chunk": "INVALID_FIELD"}


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"request_id": "1"}, "header.request_id"),
        ({"dataset": "datasets/UPPER"}, "header.dataset"),
        ({"authority": "somebody"}, "header.authority"),
        ({"authority_names": {"Tower": "tower"}}, 'header.authority_names["Tower"]'),
    ],
)
async def test_a_malformed_header_is_refused_by_its_field(
    publisher: Publisher, fields: dict[str, Any], at: str
) -> None:
    failure = await refusal(publisher.publish(**({"dataset": new_dataset(), "data": b"{}"} | fields)))
    assert failure.fields == {at: "INVALID_FIELD"}


async def test_one_name_stands_for_one_authority_whatever_its_case(
    airspace: Installation, publisher: Publisher
) -> None:
    same = {"Tower": publisher.authority, "TOWER ": publisher.authority}
    await publisher.publish(new_dataset(), file_of([ed269_zone("A")]), authority_names=same)
    other = (await new_publisher(airspace)).authority
    names = {"Tower": publisher.authority, "TOWER": other}
    failure = await refusal(publisher.publish(new_dataset(), file_of([]), authority_names=names))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert next(iter(failure.fields)).startswith("header.authority_names[")


async def test_a_message_that_is_neither_is_refused(publisher: Publisher) -> None:
    header = pb.ImportGeozonesRequest(header=publisher.header(new_dataset()))
    assert (await refusal(publisher.send([header, pb.ImportGeozonesRequest()]))).reason == "INVALID_FIELD"


async def test_a_chunk_has_at_most_a_mebibyte(publisher: Publisher) -> None:
    header = pb.ImportGeozonesRequest(header=publisher.header(new_dataset()))
    failure = await refusal(publisher.send([header, chunk(b" " * (MIB + 1))]))
    assert failure.fields == {"chunk": "INVALID_FIELD"}
    data = file_of([ed269_zone("A")]).ljust(MIB)
    assert (await publisher.send([header, chunk(data)])).dataset.geozone_count == 1


async def test_a_file_over_the_limit_is_refused(publisher: Publisher) -> None:
    header = pb.ImportGeozonesRequest(header=publisher.header(new_dataset()))
    failure = await refusal(publisher.send([header, *[chunk(b" " * MIB)] * 129]))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "TOO_LARGE")
    assert failure.metadata["limit"] == str(128 * MIB)


async def test_a_file_of_exactly_the_limit_is_read(publisher: Publisher) -> None:
    header = pb.ImportGeozonesRequest(header=publisher.header(new_dataset()))
    first = chunk(file_of([ed269_zone("A")]).ljust(MIB))
    assert (await publisher.send([header, first, *[chunk(b" " * MIB)] * 127])).dataset.geozone_count == 1


async def test_a_file_without_end_is_cut_off(publisher: Publisher) -> None:
    sent = 0

    async def endless() -> AsyncIterator[pb.ImportGeozonesRequest]:
        nonlocal sent
        yield pb.ImportGeozonesRequest(header=publisher.header(new_dataset()))
        while True:
            sent += 1
            yield chunk(b" " * MIB)

    failure = await refusal(publisher.geozones.ImportGeozones(endless(), timeout=60))
    assert failure.code is not grpc.StatusCode.DEADLINE_EXCEEDED
    assert 128 < sent < 128 + 150


async def test_a_refused_header_is_told_to_a_caller_who_is_still_sending(
    airspace: Installation, publisher: Publisher
) -> None:
    header = pb.ImportGeozonesRequest(header=publisher.header(new_dataset(), authority="authorities/other"))
    for _ in range(10):
        failure = await refusal(publisher.send([header, *[chunk(b" " * MIB)] * 8]))
        assert (failure.code, failure.reason) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")
    token = airspace.token(roles=["officer"], authority=publisher.authority)
    stub = airspace.stub(geozones_pb2_grpc.GeozonesServiceStub, "airspace", token)
    officer = Publisher(airspace, publisher.authority, stub)
    for _ in range(10):
        assert (await refusal(officer.send([header, *[chunk(b" " * MIB)] * 8]))).reason == "ROLE_MISSING"


async def test_uploads_of_one_publisher_beyond_its_share_are_told_to_come_again(publisher: Publisher) -> None:
    done = asyncio.Event()

    async def slow(mebibytes: int) -> AsyncIterator[pb.ImportGeozonesRequest]:
        yield pb.ImportGeozonesRequest(header=publisher.header(new_dataset()))
        for _ in range(mebibytes):
            yield chunk(b" " * MIB)
        await done.wait()

    calls = [publisher.geozones.ImportGeozones(slow(60), timeout=120) for _ in range(3)]
    refused = asyncio.gather(*(refusal(call) for call in calls))

    async def one_refused() -> bool:
        return any(call.done() for call in calls)

    await eventually(one_refused, within_s=60, what="the refusal of one upload too many")
    done.set()
    reasons = [failure.reason for failure in await refused]
    assert reasons.count("OVERLOADED") == 1
    assert reasons.count("UNREADABLE_FILE") == 2
    # What they held is free again.
    header = publisher.header(new_dataset())
    assert (await publisher.send(messages(header, file_of([ed269_zone("A")])))).dataset.version == 1
