"""Authorities over gRPC: who keeps them, what is checked, what is told."""

from __future__ import annotations

import secrets
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from lowsky.api.airspace.v1 import authorities_pb2 as pb
from lowsky.api.airspace.v1 import authorities_pb2_grpc
from lowsky.events import topics
from tests.integration.airspace.publishing import administration, create_authority
from tests.support.errors import refusal
from tests.support.installation import Installation
from tests.support.polling import eventually

TOPIC = topics.AUTHORITIES


def an_id() -> str:
    return f"a{secrets.token_hex(4)}"


def update(name: str, etag: str = "", request_id: str = "", **fields: Any) -> pb.UpdateAuthorityRequest:
    return pb.UpdateAuthorityRequest(
        request_id=request_id or str(uuid4()),
        authority=pb.Authority(name=name, etag=etag, **fields),
        update_mask=FieldMask(paths=list(fields)),
    )


async def test_what_was_created_is_read_by_everyone_signed_in(airspace: Installation) -> None:
    made = await create_authority(airspace, an_id(), display_name="Control", email="a@b.at", phone="+43 1")
    reader = airspace.stub(
        authorities_pb2_grpc.AuthoritiesServiceStub, "airspace", airspace.token(roles=["operator"], operator="x")
    )
    got = (await reader.GetAuthority(pb.GetAuthorityRequest(name=made.name))).authority
    assert got == made
    assert (got.display_name, got.country, got.time_zone, got.etag) == ("Control", "AUT", "Europe/Vienna", "1")


async def test_only_an_administrator_creates_and_updates(airspace: Installation) -> None:
    made = await create_authority(airspace, an_id())
    token = airspace.token(roles=["publisher", "officer"], authority=made.name.removeprefix("authorities/"))
    stub = airspace.stub(authorities_pb2_grpc.AuthoritiesServiceStub, "airspace", token)
    failure = await refusal(stub.UpdateAuthority(update(made.name, phone="1")))
    assert (failure.code, failure.reason) == (grpc.StatusCode.PERMISSION_DENIED, "ROLE_MISSING")
    create = pb.CreateAuthorityRequest(request_id=str(uuid4()), authority_id=an_id(), authority=made)
    assert (await refusal(stub.CreateAuthority(create))).reason == "ROLE_MISSING"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("time_zone", "Europe/Nowhere"),
        ("time_zone", "localtime"),
        ("time_zone", "../etc/passwd"),
        ("country", "XYZ"),
        ("country", "AT"),
        ("email", "nobody"),
        ("display_name", ""),
    ],
)
async def test_a_field_that_names_nothing_real_is_refused(airspace: Installation, field: str, value: str) -> None:
    failure = await refusal(create_authority(airspace, an_id(), **{field: value}))
    assert failure.code is grpc.StatusCode.INVALID_ARGUMENT
    assert failure.fields == {f"authority.{field}": "INVALID_FIELD"}


async def test_an_id_is_taken_once(airspace: Installation) -> None:
    made = await create_authority(airspace, an_id())
    failure = await refusal(create_authority(airspace, made.name.removeprefix("authorities/")))
    assert (failure.code, failure.fields) == (grpc.StatusCode.ALREADY_EXISTS, {"authority_id": "ALREADY_EXISTS"})


async def test_an_update_changes_what_its_mask_names_and_nothing_else(airspace: Installation) -> None:
    made = await create_authority(airspace, an_id(), phone="+43 1", email="a@b.at")
    admin = administration(airspace)
    changed = (await admin.UpdateAuthority(update(made.name, made.etag, time_zone="Asia/Shanghai", email=""))).authority
    assert (changed.time_zone, changed.email, changed.phone, changed.etag) == ("Asia/Shanghai", "", "+43 1", "2")
    assert (await admin.GetAuthority(pb.GetAuthorityRequest(name=made.name))).authority == changed


async def test_how_far_ahead_it_takes_plans_is_kept_told_and_changed(airspace: Installation) -> None:
    made = await create_authority(airspace, an_id(), filing_horizon_days=60)
    admin = administration(airspace)
    await admin.UpdateAuthority(update(made.name, phone="1"))
    changed = (await admin.UpdateAuthority(update(made.name, filing_horizon_days=90))).authority
    assert (made.filing_horizon_days, changed.filing_horizon_days) == (60, 90)
    assert (await admin.GetAuthority(pb.GetAuthorityRequest(name=made.name))).authority == changed
    told = [
        value.authority for event, value in await airspace.events_so_far(topics.AUTHORITIES) if event.key == made.name
    ]
    assert [one.filing_horizon_days for one in told] == [60, 60, 90]
    failure = await refusal(admin.UpdateAuthority(update(made.name, filing_horizon_days=91)))
    assert failure.fields == {"authority.filing_horizon_days": "INVALID_FIELD"}
    unsaid = (await admin.UpdateAuthority(update(made.name, filing_horizon_days=0))).authority
    assert unsaid.filing_horizon_days == 0


async def test_an_update_with_an_old_etag_is_refused(airspace: Installation) -> None:
    made = await create_authority(airspace, an_id())
    admin = administration(airspace)
    await admin.UpdateAuthority(update(made.name, phone="1"))
    failure = await refusal(admin.UpdateAuthority(update(made.name, made.etag, phone="2")))
    assert (failure.code, failure.reason) == (grpc.StatusCode.ABORTED, "STALE_ETAG")


@pytest.mark.parametrize(("field", "value"), [("time_zone", "Mars/Base"), ("display_name", ""), ("email", "x")])
async def test_an_update_that_breaks_a_rule_leaves_the_authority_as_it_was(
    airspace: Installation, field: str, value: str
) -> None:
    made = await create_authority(airspace, an_id())
    admin = administration(airspace)
    failure = await refusal(admin.UpdateAuthority(update(made.name, **{field: value})))
    assert failure.fields == {f"authority.{field}": "INVALID_FIELD"}
    assert (await admin.GetAuthority(pb.GetAuthorityRequest(name=made.name))).authority == made


@pytest.mark.parametrize("path", ["phone.x", "email."])
async def test_a_mask_names_whole_fields(airspace: Installation, path: str) -> None:
    made = await create_authority(airspace, an_id())
    request = update(made.name, phone="1")
    request.update_mask.paths[:] = [path]
    failure = await refusal(administration(airspace).UpdateAuthority(request))
    assert (failure.code, failure.fields) == (grpc.StatusCode.INVALID_ARGUMENT, {"update_mask": "INVALID_FIELD"})


async def test_the_same_request_again_changes_nothing_more(airspace: Installation) -> None:
    made = await create_authority(airspace, an_id())
    admin = administration(airspace)
    request = update(made.name, phone="1")
    assert await admin.UpdateAuthority(request) == await admin.UpdateAuthority(request)
    other = update(made.name, request_id=request.request_id, phone="2")
    assert (await refusal(admin.UpdateAuthority(other))).reason == "REQUEST_ID_REUSED"


async def test_each_change_is_told_with_the_state_after_it(airspace: Installation) -> None:
    made = await create_authority(airspace, an_id())
    changed = (await administration(airspace).UpdateAuthority(update(made.name, phone="1"))).authority

    async def told() -> list[Any]:
        own = [(event.type, value) for event, value in await airspace.events(TOPIC) if event.key == made.name]
        return own if len(own) == 2 else []

    created, updated = await eventually(told)
    assert created == ("lowsky.authority.created.v1", created[1])
    assert created[1].authority == made
    assert updated[0] == "lowsky.authority.updated.v1"
    assert updated[1].authority == changed


async def test_a_list_names_each_authority_once_over_its_pages(airspace: Installation) -> None:
    made = {(await create_authority(airspace, an_id())).name for _ in range(5)}
    admin = administration(airspace)
    names: list[str] = []
    token = ""
    while True:
        page = await admin.ListAuthorities(pb.ListAuthoritiesRequest(page_size=2, page_token=token))
        names += [authority.name for authority in page.authorities]
        token = page.next_page_token
        if not token:
            break
    assert made <= set(names)
    assert names == sorted(set(names))


async def test_an_authority_that_is_not_there_is_not_found(airspace: Installation) -> None:
    admin = administration(airspace)
    assert (await refusal(admin.GetAuthority(pb.GetAuthorityRequest(name="authorities/none")))).reason == "NOT_FOUND"
    assert (await refusal(admin.UpdateAuthority(update("authorities/none", phone="1")))).reason == "NOT_FOUND"
