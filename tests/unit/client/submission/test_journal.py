"""A journal knows what was sent and answered, and is believed for nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.client import FailedPrecondition, InvalidArgument
from lowsky.client.submission.journal import RESUMED_WITHIN, Batch, Done, Journal

BATCH = Batch("flights.ndjson", {"buffer_m": 30.0, "depart": None, "special": ("x",)})
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def plan(key: str) -> pb.SubmitFlightPlansResponse:
    return pb.SubmitFlightPlansResponse(
        key=key, flight_plan=pb.FlightPlan(name=f"plans/{key}", state=pb.STATE_SUBMITTED)
    )


def error(key: str, code: grpc.StatusCode, reason: str) -> pb.SubmitFlightPlansResponse:
    status = status_pb2.Status(code=code.value[0])
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=reason))
    return pb.SubmitFlightPlansResponse(key=key, error=status)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal in which 1 was answered, 2 was refused, and 3 and 4 are in doubt."""
    path = tmp_path / "journal"
    with Journal(path, BATCH, NOW) as journal:
        for place, key in enumerate("1234", 1):
            assert journal.outcome(key, f"digest {key}", place) is None
            journal.sent(key, f"digest {key}")
        journal.answered(plan("1"))
        journal.answered(error("2", grpc.StatusCode.FAILED_PRECONDITION, "START_IN_PAST"))
        journal.answered(error("3", grpc.StatusCode.UNAVAILABLE, "DATABASE_UNAVAILABLE"))
    return path


def test_another_run_knows_what_is_done_and_keeps_every_request_id(path: Path) -> None:
    with Journal(path, BATCH, NOW) as first, Journal(path, BATCH, NOW + timedelta(hours=1)) as again:
        assert again.resumed
        assert again.begun == NOW
        assert again.outcome("1", "digest 1", 1) == Done("plans/1", "STATE_SUBMITTED")
        assert [again.outcome(key, f"digest {key}", n) for n, key in enumerate("2345", 2)] == [None] * 4
        assert [again.request_id(key) for key in "12345"] == [first.request_id(key) for key in "12345"]
        assert len({again.request_id(key) for key in "12345"}) == 5


def test_request_ids_do_not_depend_on_records_that_a_crash_took_away(path: Path) -> None:
    with Journal(path, BATCH, NOW) as journal:
        expected = journal.request_id("4")
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    with Journal(path, BATCH, NOW) as journal:
        assert journal.request_id("4") == expected


def test_another_batch_has_other_request_ids(path: Path, tmp_path: Path) -> None:
    with Journal(tmp_path / "other", BATCH, NOW) as other, Journal(path, BATCH, NOW) as journal:
        assert other.request_id("1") != journal.request_id("1")


@pytest.mark.parametrize("key", ["1", "3", "4"])
def test_what_was_accepted_or_may_have_been_must_not_have_changed(path: Path, key: str) -> None:
    with Journal(path, BATCH, NOW) as journal, pytest.raises(FailedPrecondition) as caught:
        journal.outcome(key, "another digest", 1)
    assert caught.value.reason == "CHANGED_SINCE_SENT"


def test_what_was_refused_may_be_mended(path: Path) -> None:
    with Journal(path, BATCH, NOW) as journal:
        assert journal.outcome("2", "mended", 2) is None
        journal.sent("2", "mended")
        journal.answered(plan("2"))
    with Journal(path, BATCH, NOW) as journal:
        assert journal.outcome("2", "mended", 2) == Done("plans/2", "STATE_SUBMITTED")


def test_a_key_given_twice_in_one_source_is_refused() -> None:
    with Journal(None, BATCH, NOW) as journal:
        journal.outcome("k", "same", 3)
        with pytest.raises(InvalidArgument, match="given to flight 3 already") as caught:
            journal.outcome("k", "same", 9)
    assert caught.value.reason == "DUPLICATE_KEY"


def test_a_torn_last_record_is_cut_off(path: Path) -> None:
    whole = path.read_bytes()
    for length in range(1, len(b'{"sent": "5", "digest": "d"}')):
        path.write_bytes(whole + b'{"sent": "5", "digest": "d"}'[:length])
        Journal(path, BATCH, NOW).close()
        assert path.read_bytes() == whole


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        (Batch("others.ndjson", BATCH.asked), "belongs to flights.ndjson, not to others.ndjson"),
        (Batch("flights.ndjson", {**BATCH.asked, "buffer_m": 50.0}), "started with other options: buffer_m 30.0"),
    ],
)
def test_a_journal_of_another_source_or_other_options_is_refused(path: Path, batch: Batch, said: str) -> None:
    with pytest.raises(InvalidArgument, match=said) as caught:
        Journal(path, batch, NOW)
    assert caught.value.reason == "JOURNAL_OF_ANOTHER"


def test_a_journal_older_than_answers_are_kept_is_refused(path: Path) -> None:
    Journal(path, BATCH, NOW + RESUMED_WITHIN).close()
    with pytest.raises(FailedPrecondition) as caught:
        Journal(path, BATCH, NOW + RESUMED_WITHIN + timedelta(seconds=1))
    assert caught.value.reason == "JOURNAL_TOO_OLD"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"journal"',
        b"no journal\n",
        b'{"a": 1}\n',
        b"[]\n",
        b"x" * 100_000,
        b'{"journal": "lowsky.submissions.v1", "source": "flights.ndjson", "asked": 3}\n',
    ],
)
def test_what_is_no_journal_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mine"
    path.write_bytes(content)
    with pytest.raises(InvalidArgument) as caught:
        Journal(path, BATCH, NOW)
    assert caught.value.reason == "JOURNAL_UNREADABLE"
    assert path.read_bytes() == content


@pytest.mark.parametrize("record", [b"3", b'"sent"', b'{"sent": {}, "digest": "d"}', b'{"sent": "1"}', b"{}", b"\xff"])
def test_a_broken_record_in_the_middle_is_refused(path: Path, record: bytes) -> None:
    content = path.read_bytes() + record + b"\n" + b'{"sent": "6", "digest": "d"}\n'
    path.write_bytes(content)
    with pytest.raises(InvalidArgument, match="line 8"):
        Journal(path, BATCH, NOW)
    assert path.read_bytes() == content
