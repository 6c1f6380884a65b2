"""Ids in the order of time: what partitions by id rely on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lowsky.ids import least_id, made_at, new_id

INSTANTS = st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # bounds


def test_an_id_lies_between_the_least_ids_of_its_moment_and_of_the_next() -> None:
    before = datetime.now(UTC)
    ids = [new_id() for _ in range(1_000)]
    after = datetime.now(UTC)
    assert all(least_id(before) <= id_ < least_id(after + timedelta(milliseconds=1)) for id_ in ids)
    assert ids == sorted(ids)


def test_a_least_id_is_a_uuid_of_version_7() -> None:
    id_ = UUID(least_id(datetime(2026, 12, 1, tzinfo=UTC)))
    assert (id_.version, id_.variant) == (7, "specified in RFC 4122")


@given(INSTANTS, INSTANTS)
def test_least_ids_sort_as_their_instants_do(one: datetime, other: datetime) -> None:
    one, other = (moment.replace(microsecond=moment.microsecond // 1_000 * 1_000) for moment in (one, other))
    assert (one < other) == (least_id(one) < least_id(other))
    assert made_at(least_id(one)) == one


def test_what_is_no_id_was_made_at_no_time() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        made_at("plan-of-monday")
