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


def answered(page: Page, *sizes: int, more: bool = False) -> tuple[list[int], str]:
    """Of rows whose resources have about these bytes: the sizes shown, and the token."""
    shown, next_token = page.answer(
        [(n, size) for n, size in enumerate(sizes)],
        lambda row: pb.Authority(name=str(row[0]), display_name="x" * row[1]),
        lambda row: (f"authorities/{row[0]}",),
        more=more,
    )
    return [len(authority.display_name) for authority in shown], next_token


def test_a_token_names_the_last_row_of_the_page_before() -> None:
    shown, next_token = answered(asked(""), 1, 2)
    assert shown == [1]
    assert asked(next_token).last_text == "authorities/0"
    assert answered(asked(""), 1) == ([1], "")
    assert answered(asked("")) == ([], "")


def test_a_page_ends_before_it_is_larger_than_clients_receive() -> None:
    page = Page.asked_by(pb.ListAuthoritiesRequest())
    shown, next_token = answered(page, *[300_000] * 20)
    assert len(shown) == 6
    assert Page.asked_by(pb.ListAuthoritiesRequest(page_token=next_token)).last_text == "authorities/5"
    assert answered(page, 300_000, 300_000) == ([300_000] * 2, "")
    shown, next_token = answered(page, 300_000, more=True)
    assert (shown, bool(next_token)) == ([300_000], True)


def test_a_resource_that_is_larger_than_a_page_comes_alone() -> None:
    page = Page.asked_by(pb.ListAuthoritiesRequest())
    for sizes in ([3_000_000, 1], [3_000_000, 3_000_000]):
        shown, next_token = answered(page, *sizes)
        assert (shown, bool(next_token)) == ([3_000_000], True)
    assert answered(page, 3_000_000) == ([3_000_000], "")


@pytest.mark.parametrize("key", [(), (1,), (1.5,), (True,), ("a", 1)], ids=repr)
def test_a_forged_key_of_another_type_is_no_name(key: tuple[object, ...]) -> None:
    with pytest.raises(Invalid) as refusal:
        _ = asked(token(asked("").filter_digest, *key)).last_text or asked("").after
    assert refusal.value.reason == "INVALID_PAGE_TOKEN"


@pytest.mark.parametrize(
    "time",
    [
        "0001-01-01T00:00:00+00:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59.999999-14:00",
        "2026-01-01T00:00:00",
        "-infinity",
        "",
        0,
        1e308,
    ],
)
def test_a_forged_time_that_no_resource_has_is_refused(time: object) -> None:
    with pytest.raises(Invalid) as refusal:
        _ = asked(token(asked("").filter_digest, time, "approvals/a")).last_time
    assert refusal.value.reason == "INVALID_PAGE_TOKEN"


@pytest.mark.parametrize("part", ["a\0b", "\ud800", None, [], {}], ids=ascii)
def test_a_forged_token_is_refused_before_the_database_sees_it(part: object) -> None:
    with pytest.raises(Invalid) as refusal:
        asked(token(asked("").filter_digest, part))
    assert refusal.value.reason == "INVALID_PAGE_TOKEN"
