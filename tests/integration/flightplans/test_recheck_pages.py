"""However many plans there are, each is checked again, and few are in memory at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast

import pytest

from lowsky.db.database import Connection
from lowsky.events.relay import Relay
from lowsky.flightplans.codec.plans import as_kept
from lowsky.flightplans.postgres.rechecks import PlansToRecheck
from lowsky.flightplans.projections.airspace import Airspace
from lowsky.flightplans.projections.areas import Areas
from lowsky.flightplans.recheck import recheck
from lowsky.flightplans.recheck.recheck import Recheck
from lowsky.geo.heights.altitude import ANYWHERE
from lowsky.geo.zones.index import IndexedZone, ZoneIndex
from lowsky.health import Health
from tests.integration.flightplans.months import NOW, At, Months, plan_made_at, store
from tests.unit.flightplans.flights import square, trajectory, zone

COUNT, PAGE, BATCH = 45, 4, 3


class Relaying:
    def wake(self) -> None:
        pass


async def test_every_plan_is_checked_again_a_page_at_a_time(months: Months, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recheck, "SEEN_AT_ONCE", PAGE)
    monkeypatch.setattr(recheck, "BATCH", BATCH)
    read: list[int] = []
    contents = PlansToRecheck.contents

    async def counted(self: PlansToRecheck, ids: Sequence[str]) -> Sequence[tuple[str, bytes]]:
        read.append(len(ids))
        return await contents(self, ids)

    monkeypatch.setattr(PlansToRecheck, "contents", counted)
    plans = [plan_made_at(NOW - timedelta(minutes=n % 5), n) for n in range(COUNT)]
    await store(months.connection, *plans)
    place = (113.0, 22.0)
    closed = zone(square(place, 0.05))
    zones = ZoneIndex([IndexedZone(closed.name, closed.geozone, 2)], 2)
    flight = trajectory(place, (113.01, 22.0), start=NOW + timedelta(hours=1))
    subject = Recheck(
        database=months.database,
        relay=cast(Relay, Relaying()),
        clock=At(NOW),
        airspace=Airspace(Health()),
        areas=Areas(),
        reference=ANYWHERE,
        health=Health(),
        is_caught_up=lambda: True,
        airspace_of=lambda _: flight,
        as_kept=as_kept,
    )
    assert await subject.catch_up(cast(ZoneIndex[Any], zones))
    rows = await cast(Connection, months.connection).fetch(
        "SELECT state, airspace_revision, count(*) AS plans FROM flight_plans GROUP BY 1, 2"
    )
    assert [tuple(row) for row in rows] == [("REJECTED", 2, COUNT)]
    assert max(read) <= PAGE
