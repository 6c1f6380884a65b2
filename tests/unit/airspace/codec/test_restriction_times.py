"""A restriction begins and ends outwards of the nanoseconds that are not stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lowsky.airspace.codec.restrictions import window_of
from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.errors import Invalid

NOW = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)


def test_a_restriction_is_never_shorter_than_was_said() -> None:
    request = pb.CreateRestrictionRequest()
    for moment, hours in ((request.volume.time_start, 1), (request.volume.time_end, 2)):
        moment.FromDatetime(NOW + timedelta(hours=hours))
        moment.nanos = 1_100
    window = window_of(request)
    assert window.start == NOW + timedelta(hours=1, microseconds=1)
    assert window.end == NOW + timedelta(hours=2, microseconds=2)


def test_a_time_that_no_calendar_has_is_refused_by_its_field() -> None:
    request = pb.CreateRestrictionRequest()
    request.volume.time_start.FromDatetime(NOW)
    request.volume.time_end.seconds = 253_402_300_800
    with pytest.raises(Invalid) as caught:
        window_of(request)
    assert [field.field for field in caught.value.fields] == ["volume.time_end"]
