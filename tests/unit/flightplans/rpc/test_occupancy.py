"""The answer to a question about free airspace: reserved time never seems free, whatever a float cannot hold."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lowsky.flightplans.openings.occupancy import OccupiedLayer
from lowsky.flightplans.rpc.occupancy import answer_of
from lowsky.geo.heights.altitude import AltitudeBand, Datum
from lowsky.moments import end_s, start_s

if TYPE_CHECKING:
    from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp()


def told(begins_s: float, ends_s: float) -> pb.LayerOccupancy:
    spans = ((begins_s, ends_s),)
    layer = OccupiedLayer(AltitudeBand(0.0, Datum.AGL, 50.0, Datum.AGL), busy=spans, free=spans)
    return answer_of([[layer]]).occupancies[0].layers[0]


@given(st.floats(0.0, 3_600.0), st.integers(-3, 3))
def test_free_time_is_told_inwards_and_busy_time_outwards(after_s: float, steps: int) -> None:
    begins_s, ends_s = NOON + after_s, NOON + 7_200.0 + after_s
    for _ in range(abs(steps)):
        begins_s, ends_s = (float(np.nextafter(moment, steps * np.inf)) for moment in (begins_s, ends_s))
    layer = told(begins_s, ends_s)
    (free,), (busy,) = layer.free, layer.busy
    assert start_s(free.start) >= begins_s
    assert end_s(free.end) <= ends_s
    assert start_s(busy.start) <= begins_s
    assert end_s(busy.end) >= ends_s
    assert start_s(free.start) - start_s(busy.start) < 2.1e-6
