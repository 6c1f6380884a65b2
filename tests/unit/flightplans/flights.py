"""Flights, zones and plans for the tests here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import shapely
from shapely import MultiPolygon, Polygon

from lowsky.flightplans.domain.plan import FlightPlan, State
from lowsky.flightplans.domain.proposal import Proposal
from lowsky.geo.heights.altitude import AltitudeBand, Datum
from lowsky.geo.schedules.applicability import PERMANENT, Applicability
from lowsky.geo.volumes.trajectory import Trajectory
from lowsky.geo.volumes.volumes import Volume4D
from lowsky.geo.zones.geozone import Geozone, Layer, LocalizedText, Purpose, Restriction, ZoneAuthority
from lowsky.geo.zones.index import IndexedZone, ZoneIndex
from lowsky.health import Health

NOW = datetime(2026, 5, 1, 8, tzinfo=UTC)  # a Friday
START = NOW + timedelta(hours=2)
OPERATOR, DRONE = "operators/o1", "operators/o1/aircraft/a1"
TOWER, PORT, PARK = "authorities/tower", "authorities/port", "authorities/park"

Place = tuple[float, float]


def band(lower_m: float, upper_m: float, lower: Datum = Datum.AGL, upper: Datum | None = None) -> AltitudeBand:
    return AltitudeBand(lower_m, lower, upper_m, upper or lower)


def trajectory(
    *places: Place,
    height_m: float | Sequence[float] = 100.0,
    datum: Datum | Sequence[Datum] = Datum.AGL,
    leg_s: float = 60.0,
    buffer_m: float = 20.0,
    above_below_m: float = 10.0,
    around_s: float = 0.0,
    takeoff_amsl_m: float | None = None,
    start: datetime = START,
) -> Trajectory:
    """Legs between places (lon, lat), a minute each."""
    n = len(places)
    datums = [datum] * n if isinstance(datum, Datum) else list(datum)
    return Trajectory(
        longitudes=np.array([place[0] for place in places]),
        latitudes=np.array([place[1] for place in places]),
        altitudes_m=np.broadcast_to(np.asarray(height_m, dtype=np.float64), (n,)).copy(),
        datums=np.array([each.code for each in datums], dtype=np.int8),
        times_s=start.timestamp() + leg_s * np.arange(n, dtype=np.float64),
        horizontal_buffer_m=buffer_m,
        vertical_buffer_m=above_below_m,
        time_buffer_s=around_s,
        takeoff_amsl_m=takeoff_amsl_m,
    )


def box_volume(
    area: Polygon | MultiPolygon, altitude: AltitudeBand, start: datetime = START, minutes: float = 10
) -> Volume4D:
    return Volume4D(area, altitude, start.timestamp(), start.timestamp() + 60 * minutes)


def square(at: Place, half: float = 0.01) -> Polygon:
    return shapely.box(at[0] - half, at[1] - half, at[0] + half, at[1] + half)


def proposal(airspace: Trajectory | tuple[Volume4D, ...], **fields: object) -> Proposal:
    usual: dict[str, object] = {
        "operator": OPERATOR,
        "aircraft": DRONE,
        "airspace": airspace,
        "departure": START,
        "endurance_s": None,
        "content": b"",
        "commercial": True,
        "mode": "BVLOS",
        "purpose": "DELIVERY",
        "asked": b"",
    }
    return Proposal(**{**usual, **fields})  # type: ignore[arg-type]  # the names are those of the fields


def zone(
    area: Polygon | MultiPolygon | Sequence[Layer],
    restriction: Restriction = Restriction.PROHIBITED,
    altitude: AltitudeBand | None = None,
    *,
    name: str = "geozones/d.z",
    title: str = "The zone",
    deciding: Sequence[str | None] = (),
    notified: Sequence[str | None] = (),
    applicability: Applicability = PERMANENT,
    publisher: str = "",
) -> IndexedZone[None]:
    """A zone; an authority that is None is published but stands for nobody registered."""
    layers = (Layer(area, altitude or band(0, 500)),) if isinstance(area, Polygon | MultiPolygon) else tuple(area)
    named = [(each, Purpose.AUTHORIZATION) for each in deciding] + [(each, Purpose.NOTIFICATION) for each in notified]
    authorities = tuple(
        ZoneAuthority((LocalizedText("An office"),), purpose, authority=authority) for authority, purpose in named
    )
    geozone = Geozone(
        identifier=name.rpartition(".")[2],
        country="CHN",
        names=(LocalizedText(title),) if title else (),
        restriction=restriction,
        layers=layers,
        applicability=applicability,
        authorities=authorities,
        publisher=publisher,
    )
    return IndexedZone(name, geozone, None)


def index(*zones: IndexedZone[None], revision: int = 1) -> ZoneIndex[None]:
    return ZoneIndex(zones, revision)


def plan(state: State = State.SUBMITTED, **fields: object) -> FlightPlan:
    usual: dict[str, object] = {
        "name": f"{OPERATOR}/flightPlans/p1",
        "operator": OPERATOR,
        "aircraft": DRONE,
        "content": b"",
        "start": START,
        "end": START + timedelta(minutes=10),
        "create_time": NOW,
        "update_time": NOW,
        "state": state,
    }
    return FlightPlan(**{**usual, **fields})  # type: ignore[arg-type]  # the names are those of the fields


@dataclass
class HealthSheet(Health):
    """Notes what is reported."""

    said: list[tuple[str, str | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
