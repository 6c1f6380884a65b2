"""What an operator lacks by the law where it is registered is said when it is verified and read."""

from __future__ import annotations

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from lowsky.api.registration.v1 import operators_pb2 as pb
from lowsky.api.registration.v1.identifiers_pb2 import Identifier
from lowsky.events import topics
from tests.integration.registration.calls import (
    IN_YEARS,
    Registration,
    an_operator,
    create_request,
    eu_number_of,
    new_request_id,
    update_request,
)
from tests.support.identifiers import new_eu_number, new_resident_id

INSURANCE = pb.MissingDocument.DOCUMENT_LIABILITY_INSURANCE
CERTIFICATE = pb.MissingDocument.DOCUMENT_OPERATION_CERTIFICATE
PAST = Timestamp(seconds=1_700_000_000)


def resident() -> Identifier:
    return Identifier(scheme="cn-resident-id", value=new_resident_id())


RAN_OUT = pb.OperationCertificate(number="C", expire_time=PAST)


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({}, []),
        ({"insurance_expire_time": None}, [(INSURANCE, False)]),
        ({"insurance_expire_time": PAST}, [(INSURANCE, True)]),
        ({"certificate": None}, [(CERTIFICATE, False)]),
        ({"certificate": RAN_OUT}, [(CERTIFICATE, True)]),
        ({"certificate": None, "insurance_expire_time": None}, [(INSURANCE, False), (CERTIFICATE, False)]),
        ({"certificate": None, "kind": pb.Operator.KIND_NATURAL_PERSON, "identifiers": [resident()]}, []),
    ],
    ids=str,
)
async def test_the_registrar_hears_at_verification_what_is_missing_for_which_flights(
    registration: Registration, changes: dict[str, object], missing: list[tuple[int, bool]]
) -> None:
    created = (await registration.for_registrar.CreateOperator(create_request(an_operator(**changes)))).operator
    verify = pb.VerifyOperatorRequest(request_id=new_request_id(), name=created.name)
    verified = (await registration.for_registrar.VerifyOperator(verify)).operator
    assert verified.state == pb.Operator.STATE_VERIFIED
    assert [(one.document, one.expired) for one in verified.missing_documents] == missing
    for one in verified.missing_documents:
        assert one.jurisdiction == "CHN"
        assert "Interim Regulation, Art. 1" in one.source
        assert "micro" in one.flights or "commercial flights" in one.flights
    own = await registration.operators_for(created.name).GetOperator(pb.GetOperatorRequest(name=created.name))
    assert own.operator == verified


async def test_it_is_the_law_of_the_country_that_gave_the_number(registration: Registration) -> None:
    european = an_operator(identifiers=[eu_number_of(new_eu_number())], insurance_expire_time=None)
    created = (await registration.for_registrar.CreateOperator(create_request(european))).operator
    assert [one.jurisdiction for one in created.missing_documents] == ["EU"]


async def test_what_is_stated_is_no_longer_missing_and_is_not_told_in_events(registration: Registration) -> None:
    bare = create_request(an_operator(insurance_expire_time=None))
    created = (await registration.for_registrar.CreateOperator(bare)).operator
    assert created.missing_documents
    name = created.name
    request = update_request(name, ["insurance_expire_time"], insurance_expire_time=IN_YEARS)
    updated = (await registration.operators_for(name).UpdateOperator(request)).operator
    assert not updated.missing_documents
    events = await registration.installation.events_so_far(topics.OPERATORS)
    told = [value.operator for event, value in events if event.key == name]
    assert [len(one.missing_documents) for one in told] == [0, 0]
