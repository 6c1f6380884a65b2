"""An import, a rollback or a restriction that comes again: known by what it asks for, answered to who may have it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.api.airspace.v1 import geozones_pb2_grpc
from tests.integration.airspace.publishing import Publisher, messages, new_dataset, new_publisher
from tests.integration.airspace.restricting import CITY, new_officer
from tests.support.errors import refusal
from tests.support.installation import Installation
from tests.support.zone_files import ed269_zone, file_of


def moved(installation: Installation, publisher: Publisher, authority: str, role: str = "publisher") -> Publisher:
    """The same subject, whose token says something else by now."""
    subject = f"publisher of {publisher.authority.removeprefix('authorities/')}"
    token = installation.token(roles=[role], authority=authority, subject=subject)
    stub: Any = installation.stub(geozones_pb2_grpc.GeozonesServiceStub, "airspace", token)
    return Publisher(installation, publisher.authority, stub)


async def test_an_import_with_its_id_in_capitals_and_its_defaults_said_is_the_same(publisher: Publisher) -> None:
    header, file = publisher.header(new_dataset()), file_of([ed269_zone("A")])
    first = await publisher.send(messages(header, file))
    header.request_id, header.on_error = header.request_id.upper(), pb.ON_ERROR_REJECT
    assert await publisher.send(messages(header, file)) == first
    other = await refusal(publisher.send(messages(header, file_of([ed269_zone("B")]))))
    assert other.reason == "REQUEST_ID_REUSED"


async def test_who_publishes_for_another_authority_by_now_does_not_get_the_answer(
    airspace: Installation, publisher: Publisher
) -> None:
    header, file = publisher.header(new_dataset()), file_of([ed269_zone("A")])
    await publisher.send(messages(header, file))
    rollback = pb.RollbackDatasetRequest(request_id=str(uuid4()), dataset=header.dataset, version=1)
    await publisher.geozones.RollbackDataset(rollback)
    other = await new_publisher(airspace)
    after = moved(airspace, publisher, other.authority)
    assert (await refusal(after.send(messages(header, file)))).reason == "NOT_FOUND"
    assert (await refusal(after.geozones.RollbackDataset(rollback))).reason == "NOT_FOUND"
    officer = moved(airspace, publisher, publisher.authority, "officer")
    assert (await refusal(officer.geozones.RollbackDataset(rollback))).reason == "ROLE_MISSING"


async def test_a_rollback_and_a_restriction_with_their_ids_in_capitals_are_the_same(
    airspace: Installation, publisher: Publisher
) -> None:
    dataset = new_dataset()
    await publisher.publish(dataset, file_of([ed269_zone("A")]))
    rollback = pb.RollbackDatasetRequest(request_id=str(uuid4()), dataset=dataset, version=1)
    first = await publisher.geozones.RollbackDataset(rollback)
    rollback.request_id = rollback.request_id.upper()
    assert await publisher.geozones.RollbackDataset(rollback) == first

    officer = await new_officer(airspace, CITY)
    request = officer.request()
    drawn = await officer.geozones.CreateRestriction(request)
    request.request_id = request.request_id.upper()
    request.volume.time_end.nanos -= 300 if request.volume.time_end.nanos else 0
    assert await officer.geozones.CreateRestriction(request) == drawn
