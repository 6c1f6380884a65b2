"""Plans that a zone touches: the quick way finds those that all legs of all plans would."""

import numpy as np
import pytest
import shapely

from lowsky.flightplans.codec.plans import airspace_again, proposal_of
from lowsky.flightplans.recheck.affected_plans import boxes_of, central_legs, touched
from lowsky.geo.heights.altitude import ANYWHERE, Datum
from lowsky.geo.volumes.trajectory import Trajectory
from lowsky.geo.zones.index import ZoneIndex
from lowsky.geofence.flight_volumes import RequestedAirspace, draw
from tests.integration.flightplans.world import submission
from tests.unit.flightplans.flights import OPERATOR, band, box_volume, index, square, trajectory, zone

CITY = (105.0, 35.0)


def wandering(rng: np.random.Generator) -> Trajectory:
    """A flight of some legs about the city, which may reach in, stay out, go over it or fly too high."""
    steps = rng.normal(0.0, 0.01, (int(rng.integers(2, 12)), 2))
    places = np.array(CITY) + rng.normal(0.0, 0.06, 2) + np.cumsum(steps, axis=0)
    low, above_sea = rng.random(2) < 0.5
    return trajectory(
        *((lon, lat) for lon, lat in places.tolist()),
        height_m=60.0 if low else 150.0,
        datum=Datum.AMSL if above_sea else Datum.AGL,
    )


def by_all_legs(airspaces: list[RequestedAirspace], zones: ZoneIndex[None]) -> set[int]:
    volumes = draw(airspaces, ANYWHERE, "f").volumes
    return set(volumes.owner[zones.touching(volumes, ANYWHERE).volume].tolist())


@pytest.mark.parametrize("seed", range(4))
def test_the_plans_found_are_those_with_any_volume_that_meets_a_zone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    airspaces: list[RequestedAirspace] = [wandering(rng) for _ in range(150)]
    for place in rng.choice(150, 20, replace=False).tolist():
        at = (CITY[0] + float(rng.normal(0.0, 0.06)), CITY[1] + float(rng.normal(0.0, 0.06)))
        airspaces[place] = (box_volume(square(at, 0.001), band(0, 50)), box_volume(square(at, 0.02), band(90, 120)))
    changed = index(
        zone(shapely.Point(CITY).buffer(0.05), altitude=band(0, 100), name="geozones/d.city"),
        zone(square((105.08, 35.08)), altitude=band(120, 500, Datum.AMSL), name="geozones/d.tower"),
    )
    found, refused = touched(airspaces, changed, ANYWHERE)
    assert found == by_all_legs(airspaces, changed)
    assert 10 < len(found) < 140
    assert not refused


def test_a_plan_that_cannot_be_drawn_is_told_of_and_leaves_the_others_found() -> None:
    inside, polar = trajectory(CITY, (105.01, 35.0)), trajectory((10.0, 84.0), (10.0, 87.0))
    found, refused = touched([polar, inside], index(zone(square(CITY))), ANYWHERE)
    assert found == {1}
    assert list(refused) == [0]


def test_nothing_is_found_of_no_plans() -> None:
    assert touched([], index(zone(square(CITY))), ANYWHERE) == (set(), {})


def test_the_central_leg_is_the_one_that_begins_nearest_to_the_middle_of_any_box() -> None:
    crossing = trajectory((104.0, 35.0), (104.9, 35.0), (105.001, 35.0), (105.5, 35.0), (106.0, 35.0))
    passing = trajectory((10.0, 50.0), (20.0, 50.0), (20.5, 50.0))
    boxes = boxes_of(index(zone(square(CITY)), zone(square((20.0, 50.0)), name="geozones/d.far")))
    assert central_legs([crossing, passing], boxes).tolist() == [2, 4 + 1]


def test_a_stored_content_is_read_as_the_request_was() -> None:
    asked = proposal_of(OPERATOR, submission(CITY).flight_plan)
    assert isinstance(asked.airspace, Trajectory)
    again = airspace_again(asked.content)
    assert isinstance(again, Trajectory)
    for name in ("longitudes", "latitudes", "altitudes_m", "datums", "times_s"):
        assert np.array_equal(getattr(again, name), getattr(asked.airspace, name))
