import pytest

from lowsky.errors import Invalid
from lowsky.flightplans.checks.flight_volumes import draw
from lowsky.geo.heights.altitude import ANYWHERE
from tests.unit.flightplans.flights import band, box_volume, proposal, square, trajectory

CLEAR = proposal(trajectory((113.0, 22.0), (113.01, 22.0), (113.02, 22.0)))
READY = proposal((box_volume(square((113.0, 22.0)), band(0, 50)), box_volume(square((113.1, 22.0)), band(0, 60))))
POLAR = proposal(trajectory((0.0, 80.0), (10.0, 80.0), (10.0, 86.0), leg_s=90_000))
ENDLESS = proposal(trajectory((113.0, 22.0), (113.0, 32.0), leg_s=90_000))


def test_volumes_keep_the_plan_that_they_are_of() -> None:
    drawn = draw([READY, CLEAR, READY, CLEAR], ANYWHERE)
    assert drawn.volumes.owner.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert drawn.volumes.leg.tolist() == [0, 1] * 4
    assert drawn.volumes.of_owner(2).upper_m.tolist() == [50, 60]
    assert drawn.volumes.of_owner(3).upper_m.tolist() == [110, 110]


@pytest.mark.parametrize(("bad", "waypoint"), [(POLAR, 2), (ENDLESS, 1)], ids=["near the pole", "beyond 1000 km"])
def test_a_leg_that_cannot_be_drawn_hurts_its_own_plan_only(bad: object, waypoint: int) -> None:
    drawn = draw([CLEAR, bad, READY, bad, CLEAR], ANYWHERE)  # type: ignore[list-item]  # proposals
    assert sorted(drawn.refused) == [1, 3]
    assert drawn.volumes.owner.tolist() == [0, 0, 2, 2, 4, 4]
    for refusal in drawn.refused.values():
        assert isinstance(refusal, Invalid)
        assert refusal.reason == "INVALID_GEOMETRY"
        assert refusal.fields[0].field == f"flight_plan.trajectory.waypoints[{waypoint}]"


def test_a_batch_of_refused_plans_has_no_volumes() -> None:
    drawn = draw([POLAR, ENDLESS], ANYWHERE)
    assert (len(drawn.volumes), sorted(drawn.refused)) == (0, [0, 1])
    assert len(drawn.volumes.of_owner(0)) == 0


def test_an_empty_batch_is_drawn() -> None:
    assert len(draw([], ANYWHERE).volumes) == 0
