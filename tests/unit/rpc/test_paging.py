"""Page tokens as callers send them."""

from __future__ import annotations

import base64
import json

import pytest

from lowsky.api.airspace.v1 import authorities_pb2 as pb
from lowsky.errors import Invalid
from lowsky.rpc.paging import Page


def token(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def asked(page_token: str) -> Page:
    return Page.asked_by(pb.ListAuthoritiesRequest(page_size=1, page_token=page_token))


def test_a_token_names_the_last_row_of_the_page_before() -> None:
    first = asked("")
    assert asked(first.next_token([("authorities/a",), ("authorities/b",)])).after == ("authorities/a",)
    assert first.next_token([("authorities/a",)]) == ""


@pytest.mark.parametrize("part", ["a\0b", "\ud800", None, [], {}], ids=ascii)
def test_a_forged_token_is_refused_before_the_database_sees_it(part: object) -> None:
    with pytest.raises(Invalid) as refusal:
        asked(token(asked("").filter_digest, part))
    assert refusal.value.reason == "INVALID_PAGE_TOKEN"
