"""Which of a plan's findings an authority has not seen when it decided."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lowsky.findings.finding import Finding, Rule, Severity
from lowsky.flightplans.domain.grant_coverage import unseen
from lowsky.geo.heights.altitude import AltitudeBand, Datum
from tests.unit.flightplans.flights import PORT, TOWER


def band(lower_m: float, upper_m: float, datum: Datum = Datum.AGL) -> AltitudeBand:
    return AltitudeBand(lower_m, datum, upper_m, datum)


SEEN = Finding(
    Rule.GEOZONE_AUTHORIZATION,
    Severity.AUTHORIZATION,
    "geozones/z",
    "Z",
    (1, 2),
    "Legs 2 to 3 meet Z.",
    subject_altitude=band(0, 120),
    start_s=60.0,
    end_s=120.0,
    deciding=(TOWER,),
    terms="a",
)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"subject_title": "Called otherwise", "message": "Other words."},
        {"volumes": (2,), "start_s": 90.0},
        {"subject_altitude": band(10, 110)},
        {"altitude_uncertain": True},
        {"deciding": ()},
        {"notified": (PORT,)},
        {"terms": ""},  # as a worker of an earlier version found it
    ],
)
def test_what_is_the_same_or_less_has_been_seen(changes: dict[str, object]) -> None:
    assert unseen([replace(SEEN, **changes)], [SEEN]) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "asks"),
    [
        ({"subject": "geozones/other"}, (TOWER,)),
        ({"rule": Rule.GEOZONE_CONDITIONAL}, (TOWER,)),
        ({"volumes": (1, 2, 3)}, (TOWER,)),
        ({"volumes_left_out": 1}, (TOWER,)),
        ({"end_s": 121.0}, (TOWER,)),
        ({"start_s": 59.0}, (TOWER,)),
        ({"subject_altitude": band(0, 121)}, (TOWER,)),
        ({"subject_altitude": band(0, 120, Datum.AMSL)}, (TOWER,)),
        ({"subject_altitude": None}, (TOWER,)),
        ({"terms": "b"}, (TOWER,)),
        ({"deciding": (TOWER, PORT)}, (PORT,)),
        ({"deciding": (PORT,)}, (PORT,)),
    ],
)
def test_what_is_new_more_or_something_else_is_asked(changes: dict[str, object], asks: tuple[str, ...]) -> None:
    found = replace(SEEN, **changes)  # type: ignore[arg-type]
    assert unseen([found], [SEEN]) == [(found, asks)]
    assert unseen([SEEN, found], [SEEN]) == [(found, asks)]


def test_findings_that_stand_for_others_are_told_apart_by_what_they_say() -> None:
    rest = replace(SEEN, subject="", volumes=(), message="7 more findings are not listed")
    other = replace(rest, message="8 more findings are not listed")
    assert unseen([rest], [rest]) == []
    assert unseen([other], [rest]) == [(other, (TOWER,))]
