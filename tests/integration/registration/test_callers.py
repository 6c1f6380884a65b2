"""Who is let in, and what everybody may know: tokens, roles, health, reflection."""

from __future__ import annotations

import base64
import json
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from joserfc import jwt
from joserfc.jwk import OctKey

from lowsky.api.registration.v1 import aircraft_pb2, identifiers_pb2, operators_pb2
from tests.integration.registration.calls import REGISTRAR, Registration, an_operator, create_request, update_request
from tests.support.errors import Failure, refusal
from tests.support.tokens import AUDIENCE, new_key

GET = operators_pb2.GetOperatorRequest(name="operators/x")


async def _answer_to(registration: Registration, token: str | None) -> Failure:
    return await refusal(registration.operators(token).GetOperator(GET))


async def test_a_call_without_token_is_not_answered(registration: Registration) -> None:
    error = await _answer_to(registration, None)
    assert (error.code, error.reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_MISSING")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic dXNlcjpwdw==", "token"])
async def test_an_authorization_that_is_no_bearer_token_counts_as_none(registration: Registration, header: str) -> None:
    call = registration.operators(None).GetOperator(GET, metadata=(("authorization", header),))
    assert (await refusal(call)).reason == "TOKEN_MISSING"


async def test_an_expired_token_is_told_so(registration: Registration) -> None:
    error = await _answer_to(registration, registration.installation.token(**REGISTRAR, expires_in_s=-60))
    assert (error.code, error.reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_EXPIRED")


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://somebody.else"},
        {"aud": "another-system"},
        {"iss": None},
        {"aud": None},
        {"sub": None},
        {"exp": None},
        {"lowsky_roles": "registrar"},
        {"sub": 7},
        {"lowsky_operator": "operators/-"},
        {"lowsky_operator": "operators/a/aircraft/b"},
        {"lowsky_operator": ["operators/a"]},
        {"nbf": 4_000_000_000},
    ],
    ids=str,
)
async def test_a_token_with_other_claims_is_refused(registration: Registration, claims: dict[str, object]) -> None:
    error = await _answer_to(registration, registration.installation.token(**(REGISTRAR | claims)))
    assert (error.code, error.reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID")


async def test_a_token_of_another_key_is_refused(registration: Registration) -> None:
    error = await _answer_to(registration, registration.installation.token(**REGISTRAR, key=new_key()))
    assert error.reason == "TOKEN_INVALID"


async def test_a_token_that_was_changed_is_refused(registration: Registration) -> None:
    head, body, signature = registration.installation.token(roles=["applicant"]).split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    forged = base64.urlsafe_b64encode(json.dumps(claims | {"lowsky_roles": ["registrar"]}).encode()).decode()
    assert (await _answer_to(registration, f"{head}.{forged.rstrip('=')}.{signature}")).reason == "TOKEN_INVALID"


async def test_a_token_that_is_not_signed_is_refused(registration: Registration) -> None:
    _, body, _ = registration.installation.token(**REGISTRAR).split(".")
    head = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    assert (await _answer_to(registration, f"{head}.{body}.")).reason == "TOKEN_INVALID"


async def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(registration: Registration) -> None:
    issuer = registration.installation.issuer
    body = {"iss": issuer.url, "aud": AUDIENCE, "sub": "x", "exp": 4_000_000_000, "lowsky_roles": ["registrar"]}
    public = OctKey.import_key(json.dumps(issuer.key.as_dict(private=False)))
    token = jwt.encode({"alg": "HS256", "kid": issuer.key.kid}, body, public, algorithms=["HS256"])
    assert (await _answer_to(registration, token)).reason == "TOKEN_INVALID"


@pytest.mark.parametrize("token", ["x", "a.b.c", "...", "e30.e30.e30", "a b", "x" * 8_193, "x" * 16_000])
async def test_what_is_no_token_is_refused(registration: Registration, token: str) -> None:
    error = await _answer_to(registration, token)
    assert (error.code, error.reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID")


@pytest.mark.parametrize("roles", [[], ["officer"], ["king"], ["officer", "publisher"], [7, None]], ids=str)
async def test_roles_that_do_not_reach_are_told_so(registration: Registration, roles: list[object]) -> None:
    error = await _answer_to(registration, registration.installation.token(lowsky_roles=roles))
    assert (error.code, error.reason) == (grpc.StatusCode.PERMISSION_DENIED, "ROLE_MISSING")


async def test_an_operator_role_without_operator_is_none(registration: Registration) -> None:
    token = registration.installation.token(roles=["operator"])
    assert (await _answer_to(registration, token)).reason == "ROLE_MISSING"


async def test_moves_of_the_register_are_the_registrars(registration: Registration) -> None:
    operator = await registration.new_operator()
    mine = registration.operators_for(operator.name)
    asked: dict[str, Any] = {"request_id": "6f9619ff-8b86-4011-b42d-00c04fc964ff", "name": operator.name}
    for call in (
        mine.VerifyOperator(operators_pb2.VerifyOperatorRequest(**asked)),
        mine.SuspendOperator(operators_pb2.SuspendOperatorRequest(**asked, reason="r")),
        mine.ReinstateOperator(operators_pb2.ReinstateOperatorRequest(**asked, reason="r")),
        mine.EntitleOperator(operators_pb2.EntitleOperatorRequest(**asked, reason="r")),
        mine.DeregisterOperator(operators_pb2.DeregisterOperatorRequest(**asked, reason="r")),
        mine.CreateOperator(create_request(an_operator())),
    ):
        assert (await refusal(call)).reason == "ROLE_MISSING"


async def test_no_rpc_answers_without_a_token_or_as_unimplemented(registration: Registration) -> None:
    channel = registration.installation.channel("registration")
    for module in (operators_pb2, aircraft_pb2, identifiers_pb2):
        for service in module.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                call = channel.unary_unary(f"/{service.full_name}/{method.name}")  # type: ignore[var-annotated]
                assert (await refusal(call(b"", timeout=10))).reason == "TOKEN_MISSING"


async def test_an_unknown_name_is_not_found_however_it_is_spelt(registration: Registration) -> None:
    for name in ("", "x", "operators/", "operators/none", "operators/x\0y", "operators/" + "x" * 50_000):
        error = await refusal(registration.for_registrar.UpdateOperator(update_request(name, ["display_name"])))
        assert error.reason == ("INVALID_FIELD" if "\0" in name else "NOT_FOUND")


async def test_a_time_that_is_none_is_refused_with_its_field(registration: Registration) -> None:
    request = create_request(an_operator())
    request.operator.insurance_expire_time.seconds = 10**15
    request.operator.certificate.expire_time.nanos = -1
    error = await refusal(registration.for_registrar.CreateOperator(request))
    assert error.code is grpc.StatusCode.INVALID_ARGUMENT
    assert error.fields.keys() == {"operator.insurance_expire_time", "operator.certificate.expire_time"}


async def test_health_tells_the_whole_and_its_parts_without_a_token(registration: Registration) -> None:
    installation = registration.installation
    for part in ("", "database", "events"):
        assert await installation.health("registration", part=part) == "SERVING"
    assert await installation.health("registration", part="weather") == "NOT_FOUND"


async def test_health_can_be_watched(registration: Registration) -> None:
    stub = health_pb2_grpc.HealthStub(registration.installation.channel("registration"))
    watch = stub.Watch(health_pb2.HealthCheckRequest(service=""), timeout=10)
    try:
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
    finally:
        watch.cancel()


async def test_reflection_lists_the_services(registration: Registration) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(registration.installation.channel("registration"))
    call = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=10)
    try:
        answer = await call.read()
    finally:
        call.cancel()
    assert {service.name for service in answer.list_services_response.service} == {
        "lowsky.api.registration.v1.OperatorsService",
        "lowsky.api.registration.v1.AircraftService",
        "lowsky.api.registration.v1.IdentifiersService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }
