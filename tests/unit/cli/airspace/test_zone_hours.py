"""What `lowsky zones` says of times: whose clock, which event of the sun."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf.duration_pb2 import Duration

from lowsky.api.airspace.v1 import geozones_pb2 as pb
from tests.unit.cli.conftest import Run, Scripted


@pytest.mark.parametrize(
    ("entry", "shown"),
    [
        (
            pb.ScheduleEntry(weekdays=[1, 2], start=Duration(seconds=28_800), end=Duration(seconds=64_800)),
            "Mo Tu 08:00-18:00 UTC",
        ),
        (
            pb.ScheduleEntry(weekdays=[6], start=Duration(seconds=79_200), end=Duration(), time_zone="Europe/Berlin"),
            "Sa 22:00-00:00 Europe/Berlin",
        ),
        (
            pb.ScheduleEntry(weekdays=[7], start_event=pb.SUN_EVENT_BMCT, end_event=pb.SUN_EVENT_SS),
            "Su BMCT-SS UTC",
        ),
    ],
)
async def test_a_zone_shows_whose_clock_and_which_event(
    run: Run, services: Scripted, target: str, entry: pb.ScheduleEntry, shown: str
) -> None:
    zone = pb.Geozone(
        name="geozones/at-a.Z", applicability=pb.Applicability(periods=[pb.ApplicabilityPeriod(schedule=[entry])])
    )
    services.answers["GetGeozone"] = [pb.GetGeozoneResponse(geozone=zone)]
    ended = await run("zones", "show", "at-a.Z", at=target)
    assert ended.code == 0, ended.err
    assert shown in " ".join(ended.out.split())


async def test_an_import_declares_a_time_zone(run: Run, services: Scripted, target: str, tmp_path: Path) -> None:
    (tmp_path / "zones.json").write_bytes(b"{}")
    services.answers["ImportGeozones"] = [pb.ImportGeozonesResponse()]
    options = ("--dataset", "at-a", "--authority", "a", "--time-zone", "Europe/Berlin")
    ended = await run("zones", "import", "zones.json", *options, at=target)
    assert ended.code == 0, ended.err
    assert services.requests["ImportGeozones"][0][0].header.time_zone == "Europe/Berlin"
