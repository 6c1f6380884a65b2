"""What a flight meets in zones and areas of authorities, against an oracle of set operations (tests/oracle/areas.py).

Whose word is asked, which zones spare it, what lies in nobody's area, and what zones ask, plan by plan and leg by leg.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given

import lowsky.geofence.areas
import lowsky.geofence.assessing
import lowsky.geofence.zones
from lowsky.findings.finding import Finding, Rule
from lowsky.geo.heights.altitude import VerticalReference
from lowsky.geo.heights.terrain import Terrain
from lowsky.geo.volumes.volumes import Volume4D, Volumes
from lowsky.geo.zones.geozone import Geozone, Layer, Purpose, Restriction, ZoneAuthority
from lowsky.geo.zones.index import IndexedZone, ZoneIndex
from lowsky.geofence.areas import AreaIndex, StatedArea
from lowsky.geofence.assessing import look
from tests.oracle.area_cases import Case, cases
from tests.oracle.areas import Asked, Flight, Here, Published, asked, consequence, entered, is_ground, nobodys
from tests.oracle.cases import applicability, band
from tests.oracle.profile import PROFILE, TEETH

Patch = pytest.MonkeyPatch


# --- The service's form


def reference_of(here: Here) -> VerticalReference:
    ground = None
    if here.raster_m is not None:
        level = np.full((60, 60), here.raster_m)
        ground = Terrain(level, west=121.0, north=31.7, step=(1 / 64, 1 / 64), error_m=here.error_m)
    return VerticalReference(*here.terrain, *here.geoid, ground=ground)


def indexed(zone: Published) -> IndexedZone[None]:
    told = [(name, Purpose.AUTHORIZATION) for name in zone.deciding] + [
        (name, Purpose.NOTIFICATION) for name in zone.notified
    ]
    geozone = Geozone(
        zone.name,
        "CHN",
        (),
        Restriction(zone.restriction),
        (Layer(zone.ground, band(zone.limits)),),
        applicability(zone.hours),
        tuple(ZoneAuthority((), purpose, authority=name) for name, purpose in told),
        terrain_m=zone.stated,
        publisher=zone.publisher,
    )
    return IndexedZone(zone.name, geozone, None)


def found(case: Case) -> Sequence[list[Finding]]:
    plans: list[list[Volume4D]] = [[] for _ in {flight.plan for flight in case.flights}]
    for flight in case.flights:
        window = flight.begins.timestamp(), flight.ends.timestamp()
        plans[flight.plan].append(Volume4D(flight.ground, band(flight.limits), *window))
    areas = AreaIndex(StatedArea(area.authority, "Area", area.ground, area.open_below_m) for area in case.areas)
    zones: ZoneIndex[object] = ZoneIndex([indexed(zone) for zone in case.zones], 1)
    return look(zones, areas, Volumes.of(plans), len(plans), reference_of(case.here))


# --- The comparison


def disagreements(case: Case, findings: Sequence[list[Finding]]) -> list[str]:
    """Where the findings are not what the oracle says, in words."""
    wrong = []
    for plan, listed in enumerate(findings):
        legs = [flight for flight in case.flights if flight.plan == plan]
        wrong += of_defaults(case, legs, listed) + of_permits(case, legs, listed) + of_zones(case, legs, listed)
        outside = {leg.leg for leg in legs if nobodys(leg, case.areas)}
        wrong += legs_differ("nobody's area", of(listed, Rule.NOBODYS_AREA), outside, outside)
    return wrong


def of(listed: Iterable[Finding], rule: Rule, subject: str = "") -> list[Finding]:
    return [finding for finding in listed if finding.rule is rule and finding.subject == subject]


def legs_differ(what: str, findings: list[Finding], must: set[int], may: set[int]) -> list[str]:
    seen = {leg for finding in findings for leg in finding.volumes}
    wrong = [f"{what}: {len(findings)} findings"] if len(findings) > 1 else []
    return wrong if must <= seen <= may else [*wrong, f"{what}: legs {seen}, not from {must} to {may}"]


def certainty_differs(what: str, findings: list[Finding], certain: list[bool | None]) -> list[str]:
    """Of several legs, the most certain counts."""
    if not findings or (None in certain and True not in certain):
        return []
    return [] if findings[0].altitude_uncertain is not any(certain) else [f"{what}: certain is {any(certain)}"]


def of_defaults(case: Case, legs: list[Flight], listed: list[Finding]) -> list[str]:
    wrong = []
    for area in case.areas:
        said = {leg.leg: asked(leg, area, case.zones, case.here) for leg in legs}
        findings = of(listed, Rule.AREA_DEFAULT, area.authority)
        may = {leg for leg, one in said.items() if one.asked is not False}
        must = {leg for leg, one in said.items() if one.asked}
        wrong += legs_differ(area.authority, findings, must, may)
        if must == may:
            wrong += certainty_differs(area.authority, findings, [said[leg].certain for leg in must])
        wrong += [f"{area.authority} decides" for one in findings if one.deciding != (area.authority,)]
    return wrong


def of_permits(case: Case, legs: list[Flight], listed: list[Finding]) -> list[str]:
    """Zones that are named spare some authority its word, and where it is not asked they hold all the ground."""
    wrong = []
    named = {
        zone.name: {n for one in of(listed, Rule.AREA_PERMITTED, zone.name) for n in one.volumes} for zone in case.zones
    }
    for leg in legs:
        said: list[Asked] = [asked(leg, area, case.zones, case.here) for area in case.areas]
        spared = {name for one in said if one.asked is not True for name in one.opened_by}
        here = [zone for zone in case.zones if leg.leg in named[zone.name]]
        wrong += [f"{zone.name} spares nobody" for zone in here if zone.name not in spared]
        for area, one in zip(case.areas, said, strict=True):
            common = shapely.intersection(leg.ground, area.ground)
            left = shapely.difference(
                common, shapely.union_all([z.ground for z in here if z.publisher == area.authority])
            )
            if one.asked is False and one.opened_by and is_ground(left):
                wrong.append(f"{area.authority} is spared on leg {leg.leg}, and not all of why is named")
    return wrong


def of_zones(case: Case, legs: list[Flight], listed: list[Finding]) -> list[str]:
    wrong = []
    for zone in case.zones:
        findings = [one for one in listed if one.subject == zone.name and one.rule is not Rule.AREA_PERMITTED]
        grave = consequence(zone)
        said = {leg.leg: entered(leg, zone, case.here) for leg in legs} if grave else {}
        must = {leg for leg, (enters, _) in said.items() if enters}
        may = {leg for leg, (enters, _) in said.items() if enters is not False}
        wrong += legs_differ(zone.name, findings, must, may)
        if must == may:
            wrong += certainty_differs(zone.name, findings, [said[leg][1] for leg in must])
        for one in findings:
            decides = zone.deciding if grave == "AUTHORIZATION" else ()
            if (one.severity.name, one.deciding, one.notified) != (grave, decides, zone.notified):
                wrong.append(f"{zone.name} is {one.severity.name}, not {grave}")
    return wrong


def check(case: Case) -> None:
    assert not disagreements(case, found(case))


@PROFILE
@given(cases())
def test_areas_and_zones_ask_what_the_oracle_says(case: Case) -> None:
    check(case)


# --- The oracle has teeth: each of these mistakes is caught

AREAS: Any = lowsky.geofence.areas


def defaults_ignored(patch: Patch) -> None:
    real = AREAS.AreaIndex.__init__
    patch.setattr(
        AREAS.AreaIndex, "__init__", lambda self, areas=(): real(self, (replace(a, open_below_m=np.inf) for a in areas))
    )


def anybody_permits(patch: Patch) -> None:
    patch.setattr(AREAS, "_of", lambda _, __, permitted: list(permitted))


def nobody_permits(patch: Patch) -> None:
    patch.setattr(AREAS, "_of", lambda *_: [])


def any_zone_permits(patch: Patch) -> None:
    real = AREAS._permitted

    def permitted(zones: Any, *rest: Any) -> Any:
        free = [replace(zone.geozone, restriction=Restriction.NO_RESTRICTION) for zone in zones.zones]
        every = [replace(zone, geozone=geozone) for zone, geozone in zip(zones.zones, free, strict=True)]
        return real(SimpleNamespace(zones=every), *rest)

    patch.setattr(AREAS, "_permitted", permitted)


def ground_not_looked_at(patch: Patch) -> None:
    patch.setattr(AREAS, "_local", lambda *_: (None, None))


def heights_not_held(patch: Patch) -> None:
    patch.setattr(AREAS, "_hold", lambda outer, *_, **__: np.ones(len(outer), dtype=np.bool_))


def an_instant_is_enough(patch: Patch) -> None:
    patch.setattr(AREAS, "applies_throughout", lambda times, start, end: times.applies(start, end))


def all_of_the_flight(patch: Patch) -> None:
    real = AREAS._is_left
    patch.setattr(AREAS, "_is_left", lambda outline, within, taken: real(outline, None, taken))


def hairs_are_ground(patch: Patch) -> None:
    patch.setattr(AREAS, "SLIVER_DEGREES", 1e-12)


def metres_are_hairs(patch: Patch) -> None:
    patch.setattr(AREAS, "SLIVER_DEGREES", 1e-4)


def nobodys_is_free(patch: Patch) -> None:
    patch.setattr(AREAS, "_outside", lambda *_: np.zeros(0, dtype=np.intp))


def higher_by(metres: float) -> Callable[[Patch], None]:
    def wrong(patch: Patch) -> None:
        real = AREAS.AreaIndex.__init__

        def init(self: AreaIndex, areas: Any = ()) -> None:
            real(self, (replace(area, open_below_m=area.open_below_m + metres) for area in areas))

        patch.setattr(AREAS.AreaIndex, "__init__", init)

    return wrong


def nobody_blocks(patch: Patch) -> None:
    patch.setattr(lowsky.geofence.zones, "_NEEDS_APPROVAL", frozenset())


def doubt_is_certain(patch: Patch) -> None:
    real = AREAS.overlap_codes
    patch.setattr(AREAS, "overlap_codes", lambda *asked: real(*asked) * 2)


MUTANTS: list[tuple[str, Callable[[Patch], None]]] = [
    ("defaults ignored", defaults_ignored),
    ("anybody permits", anybody_permits),
    ("nobody permits", nobody_permits),
    ("any zone permits", any_zone_permits),
    ("heights need not be held", heights_not_held),
    ("an instant is enough", an_instant_is_enough),
    ("all of the flight needs a permit", all_of_the_flight),
    ("hairs are ground", hairs_are_ground),
    ("metres are hairs", metres_are_hairs),
    ("nobody's is free", nobodys_is_free),
    ("open a centimetre more", higher_by(0.01)),
    ("open a centimetre less", higher_by(-0.01)),
    ("silence is consent", nobody_blocks),
    ("doubt is certain", doubt_is_certain),
    ("ground not looked at", ground_not_looked_at),
]


@pytest.mark.parametrize("wrong", [pytest.param(wrong, id=name) for name, wrong in MUTANTS])
def test_a_mistake_is_caught(wrong: Callable[[Patch], None], monkeypatch: Patch) -> None:
    @TEETH
    @given(cases())
    def compare(case: Case) -> None:
        check(case)

    wrong(monkeypatch)
    with pytest.raises(AssertionError, match="disagreements"):
        compare()
