"""The geofence over dense urban airspace, beside naive geopandas on the same zones and corridors, in one process.

Zones are polygons of 20 vertices and 50 to 400 m radius within 100 km by 100 km, in three bands of altitude, a third of
them on working hours only. A plan has 18 legs of 500 m. The naive side answers less: which zones a plan's corridor
meets in plan view (`zones[zones.intersects(corridor)]`), without altitudes, times, legs and findings.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import cast

import geopandas
import numpy as np
import shapely
from rich.table import Table
from shapely import Polygon

from lowsky.geo.heights.altitude import AltitudeBand, Datum, VerticalReference
from lowsky.geo.schedules.applicability import PERMANENT, Applicability, Daily, Period
from lowsky.geo.volumes.trajectory import Trajectory
from lowsky.geo.volumes.volumes import Volumes, corridors
from lowsky.geo.zones.geozone import Geozone, Layer, LocalizedText, Purpose, Restriction, ZoneAuthority
from lowsky.geo.zones.index import IndexedZone, ZoneIndex
from lowsky.geofence.zones import geofence
from tests.bench.measuring import size

SIZES = size({10_000: 15, 100_000: 20}, {500: 0})
"""Zones, and how many times faster than the naive answer theirs is to be."""

BATCH = 64
LEGS = 18
ROUNDS = size(9, 3)
WEST, SOUTH, DEGREES = 113.0, 22.0, 1.0
REFERENCE = VerticalReference(terrain_min_m=0, terrain_max_m=50)
START_S = datetime(2026, 6, 1, 9, tzinfo=UTC).timestamp()  # a Monday

_BANDS = ((0.0, 120.0), (60.0, 300.0), (300.0, 1000.0))
_WEEKDAYS = Applicability((Period(schedule=(Daily(frozenset(range(5)), 8 * 3600, 17 * 3600),)),))
_TOWER = ZoneAuthority((LocalizedText("Tower", "en"),), Purpose.AUTHORIZATION, authority="authorities/tower")


@dataclass(frozen=True)
class Comparison:
    """Of one plan, in microseconds of the processor, median of several rounds."""

    zones: int
    wanted: int
    touching_us: float
    geofence_us: float
    naive_us: float
    findings: float
    """Of a plan, on average."""

    @property
    def ratio_met(self) -> float:
        """Of the naive answer to the same question and more: which zones."""
        return self.naive_us / self.touching_us

    @property
    def ratio(self) -> float:
        """Of the naive answer to the whole geofence, which also writes a finding for each zone."""
        return self.naive_us / self.geofence_us

    def as_dict(self) -> dict[str, float]:
        return {**self.__dict__, "ratio_met": self.ratio_met, "ratio": self.ratio}


def zones_of(count: int) -> list[IndexedZone[None]]:
    """The same ones every time."""
    random = np.random.default_rng(count)
    longitudes, latitudes = WEST + DEGREES * random.random(count), SOUTH + DEGREES * random.random(count)
    radii = random.uniform(50, 400, count) / 111_000
    angles = np.linspace(0, 2 * math.pi, 20, endpoint=False)
    stretch = random.uniform(0.7, 1.0, (count, 20)) * radii[:, np.newaxis]
    rings = np.stack(
        [longitudes[:, np.newaxis] + stretch * np.cos(angles), latitudes[:, np.newaxis] + stretch * np.sin(angles)], -1
    )
    kinds = list(Restriction)
    return [
        IndexedZone(
            f"geozones/city.z{n}",
            Geozone(
                identifier=f"z{n}",
                country="CHN",
                names=(LocalizedText(f"Zone {n}", "en"),),
                restriction=kinds[n % len(kinds)],
                layers=(Layer(outline, AltitudeBand(lower, Datum.AGL, upper, Datum.AGL)),),
                applicability=PERMANENT if n % 3 else _WEEKDAYS,
                authorities=(_TOWER,),
            ),
            None,
        )
        for n, outline in enumerate(cast(Sequence[Polygon], shapely.polygons(rings)))
        for lower, upper in [_BANDS[n % len(_BANDS)]]
    ]


def plans_of(count: int, round_: int = 0) -> Volumes:
    """Plans of 18 legs that wind through the city at 100 m, for fifteen minutes of a working day."""
    random = np.random.default_rng([7, round_])
    trajectories = []
    for _ in range(count):
        headings = random.uniform(0, 2 * math.pi) + np.cumsum(random.uniform(-0.4, 0.4, LEGS))
        steps = 500 / 111_000 * np.stack([np.cos(headings) / math.cos(math.radians(SOUTH)), np.sin(headings)], -1)
        places = np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)])
        places += np.array([WEST, SOUTH]) + DEGREES * random.uniform(0.1, 0.9, 2)
        trajectories.append(
            Trajectory(
                longitudes=places[:, 0],
                latitudes=places[:, 1],
                altitudes_m=np.full(LEGS + 1, 100.0),
                datums=np.full(LEGS + 1, Datum.AGL.code, dtype=np.int8),
                times_s=START_S + 50.0 * np.arange(LEGS + 1, dtype=np.float64),
                horizontal_buffer_m=20.0,
                vertical_buffer_m=10.0,
                time_buffer_s=30.0,
            )
        )
    return corridors(trajectories, REFERENCE)


def measure() -> list[Comparison]:
    """Each number of zones in turn, with the same plans."""
    rounds = [plans_of(BATCH, round_) for round_ in range(ROUNDS)]
    return [compare(count, wanted, rounds) for count, wanted in SIZES.items()]


def compare(count: int, wanted: int, rounds: Sequence[Volumes]) -> Comparison:
    """Both sides answer the same batch in turn, so that what else the machine does meets both. Each round has plans of
    its own. All are checked once before: a worker meets the same zones again and again, and keeps of each what it made
    when it first did."""
    listed = zones_of(count)
    index = ZoneIndex(listed, 1)
    frame = geopandas.GeoDataFrame(
        {
            "name": [zone.name for zone in listed],
            "restriction": [str(zone.geozone.restriction) for zone in listed],
            "lower_m": [zone.geozone.layers[0].altitude.lower_m for zone in listed],
            "upper_m": [zone.geozone.layers[0].altitude.upper_m for zone in listed],
        },
        geometry=[zone.geozone.layers[0].outline for zone in listed],
        crs="EPSG:4326",
    )
    findings = sum(len(found) for volumes in rounds for found in geofence(index, volumes, BATCH, REFERENCE))
    touching, checking, naive = [], [], []
    for volumes in rounds:
        plans = [shapely.union_all(volumes.of_owner(plan).outlines) for plan in range(BATCH * 10_000 // count or 1)]
        touching.append(_seconds(lambda: index.touching(volumes, REFERENCE)) / BATCH)  # noqa: B023
        checking.append(_seconds(lambda: geofence(index, volumes, BATCH, REFERENCE)) / BATCH)  # noqa: B023
        naive.append(_seconds(lambda: [frame[frame.intersects(plan)] for plan in plans]) / len(plans))  # noqa: B023
    return Comparison(
        zones=count,
        wanted=wanted,
        touching_us=median(touching) * 1e6,
        geofence_us=median(checking) * 1e6,
        naive_us=median(naive) * 1e6,
        findings=findings / BATCH / len(rounds),
    )


def _seconds(do: Callable[[], object]) -> float:
    """Of the processor: what else the machine does counts for neither side."""
    begun = time.process_time()
    do()
    return time.process_time() - begun


def table(comparisons: list[Comparison]) -> Table:
    """One row for each number of zones."""
    rows = Table(title=f"The geofence of a plan of {LEGS} legs, in batches of {BATCH}", title_justify="left")
    for heading in (
        "zones",
        "findings",
        "naive µs",
        "zones met µs",
        "× faster",
        "wanted",
        "with findings µs",
        "× faster",
    ):
        rows.add_column(heading, justify="right")
    for c in comparisons:
        rows.add_row(
            f"{c.zones}",
            f"{c.findings:.1f}",
            f"{c.naive_us:.0f}",
            f"{c.touching_us:.0f}",
            f"{c.ratio_met:.0f}",
            f"≥ {c.wanted}",
            f"{c.geofence_us:.0f}",
            f"{c.ratio:.0f}",
        )
    return rows


if __name__ == "__main__":
    from rich.console import Console

    Console(width=120).print(table(measure()))
