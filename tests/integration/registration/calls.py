"""Registration as its callers see it, and requests that pass."""

from __future__ import annotations

from uuid import uuid4

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.registration.v1 import (
    aircraft_pb2,
    aircraft_pb2_grpc,
    identifiers_pb2_grpc,
    operators_pb2,
    operators_pb2_grpc,
)
from lowsky.api.registration.v1.identifiers_pb2 import Identifier
from tests.support.identifiers import new_serial_number, new_uscc
from tests.support.installation import Installation

IN_YEARS = Timestamp(seconds=1_900_000_000)
IDENTIFIER_KEY = "of tests only, thirty-two characters and more"
REGISTRAR = {"roles": ["registrar"], "subject": "registrar"}


class Registration:
    """The service as its callers see it."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.for_registrar = self.operators(installation.token(**REGISTRAR))
        self.aircraft_for_registrar = self.aircraft(installation.token(**REGISTRAR))

    def operators(self, token: str | None) -> operators_pb2_grpc.OperatorsServiceAsyncStub:
        return self.installation.stub(operators_pb2_grpc.OperatorsServiceStub, "registration", token)

    def aircraft(self, token: str | None) -> aircraft_pb2_grpc.AircraftServiceAsyncStub:
        return self.installation.stub(aircraft_pb2_grpc.AircraftServiceStub, "registration", token)

    def identifiers(self, token: str | None) -> identifiers_pb2_grpc.IdentifiersServiceAsyncStub:
        return self.installation.stub(identifiers_pb2_grpc.IdentifiersServiceStub, "registration", token)

    def operators_for(self, operator: str) -> operators_pb2_grpc.OperatorsServiceAsyncStub:
        return self.operators(self.installation.token(roles=["operator"], operator=operator, subject=f"of {operator}"))

    def aircraft_for(self, operator: str) -> aircraft_pb2_grpc.AircraftServiceAsyncStub:
        return self.aircraft(self.installation.token(roles=["operator"], operator=operator, subject=f"of {operator}"))

    async def new_operator(self, *, verified: bool = True) -> operators_pb2.Operator:
        created = await self.for_registrar.CreateOperator(create_request(an_operator()))
        if not verified:
            return created.operator
        request = operators_pb2.VerifyOperatorRequest(request_id=new_request_id(), name=created.operator.name)
        return (await self.for_registrar.VerifyOperator(request)).operator

    async def new_aircraft(self, operator: str, **changes: object) -> aircraft_pb2.Aircraft:
        request = register_request(operator, an_aircraft(**changes))
        return (await self.aircraft_for(operator).RegisterAircraft(request)).aircraft


def new_request_id() -> str:
    return str(uuid4())


def an_operator(**changes: object) -> operators_pb2.Operator:
    """An operator that may be created, and lacks nothing; each with another number."""
    usual: dict[str, object] = {
        "display_name": "Delta Drone Delivery",
        "kind": operators_pb2.Operator.KIND_ENTERPRISE,
        "identifiers": [uscc_of(new_uscc())],
        "contact": operators_pb2.Contact(person_name="Li Hua", email="li@example.com", phone="+862112345678"),
        "insurance_expire_time": IN_YEARS,
        "certificate": operators_pb2.OperationCertificate(number="OC-1", expire_time=IN_YEARS),
    }
    return operators_pb2.Operator(**(usual | changes))  # type: ignore[arg-type]


def uscc_of(value: str) -> Identifier:
    return Identifier(scheme="cn-uscc", value=value)


def eu_number_of(value: str) -> Identifier:
    return Identifier(scheme="eu-operator-number", value=value)


def serial_of(value: str) -> Identifier:
    return Identifier(scheme="cta-2063-a", value=value)


def product_id_of(value: str) -> Identifier:
    return Identifier(scheme="gbt-41300", value=value)


def values_of(resource: operators_pb2.Operator | aircraft_pb2.Aircraft) -> dict[str, str]:
    """Its identifiers, by scheme."""
    return {one.scheme: one.value for one in resource.identifiers}


def create_request(operator: operators_pb2.Operator, **more: str) -> operators_pb2.CreateOperatorRequest:
    return operators_pb2.CreateOperatorRequest(**({"request_id": new_request_id()} | more), operator=operator)


def update_request(
    name: str, paths: list[str], *, request_id: str | None = None, **changes: object
) -> operators_pb2.UpdateOperatorRequest:
    return operators_pb2.UpdateOperatorRequest(
        request_id=request_id or new_request_id(),
        operator=operators_pb2.Operator(name=name, **changes),  # type: ignore[arg-type]
        update_mask=FieldMask(paths=paths),
    )


def entitle_request(
    name: str, priority_max: assessment_pb2.Priority.ValueType, *, etag: str = "", reason: str = "r"
) -> operators_pb2.EntitleOperatorRequest:
    return operators_pb2.EntitleOperatorRequest(
        request_id=new_request_id(), name=name, etag=etag, priority_max=priority_max, reason=reason
    )


def an_aircraft(**changes: object) -> aircraft_pb2.Aircraft:
    """A light aircraft that may be registered; each with another serial number."""
    usual: dict[str, object] = {
        "identifiers": [serial_of(new_serial_number())],
        "manufacturer": "Test Aerospace",
        "model": "T1",
        "empty_mass_kg": 3.0,
        "max_takeoff_mass_kg": 6.5,
        "max_speed_mps": 20.0,
    }
    return aircraft_pb2.Aircraft(**(usual | changes))  # type: ignore[arg-type]


def register_request(parent: str, aircraft: aircraft_pb2.Aircraft, **more: str) -> aircraft_pb2.RegisterAircraftRequest:
    fields = {"request_id": new_request_id(), "parent": parent} | more
    return aircraft_pb2.RegisterAircraftRequest(**fields, aircraft=aircraft)


def retire_request(name: str, etag: str = "") -> aircraft_pb2.RetireAircraftRequest:
    return aircraft_pb2.RetireAircraftRequest(request_id=new_request_id(), name=name, etag=etag)


def update_aircraft_request(name: str, paths: list[str], **changes: object) -> aircraft_pb2.UpdateAircraftRequest:
    return aircraft_pb2.UpdateAircraftRequest(
        request_id=new_request_id(),
        aircraft=aircraft_pb2.Aircraft(name=name, **changes),  # type: ignore[arg-type]
        update_mask=FieldMask(paths=paths),
    )
