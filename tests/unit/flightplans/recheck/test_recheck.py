from datetime import timedelta

import numpy as np
import pytest
import shapely
from shapely import MultiPolygon

from lowsky.findings.finding import Finding, Rule, Severity, gravest_first
from lowsky.flightplans.checks.flight_volumes import draw
from lowsky.flightplans.checks.law import application_required
from lowsky.flightplans.codec.plans import as_kept
from lowsky.flightplans.domain.plan import FINAL, State
from lowsky.flightplans.life.approval_decisions import Verdict, apply_verdict
from lowsky.flightplans.projections.airspace import Airspace
from lowsky.flightplans.recheck.affected_plans import BOXES_MAX, boxes_of
from lowsky.flightplans.recheck.recheck import PART, changed_since, reassess, report_when_late
from lowsky.geo.heights.altitude import ANYWHERE
from lowsky.geo.zones.geozone import Restriction
from lowsky.geo.zones.index import IndexedZone, ZoneIndex
from lowsky.health import Health
from lowsky.jurisdictions.flight_rules import RuleSets
from tests.support.polling import eventually
from tests.unit.flightplans.flights import NOW, PORT, START, TOWER, plan, proposal, square, trajectory, zone

CITY = "datasets/city"


def finding(severity: Severity, subject: str = "geozones/new", *deciding: str) -> Finding:
    rule = Rule.GEOZONE_PROHIBITED if severity is Severity.BLOCKING else Rule.GEOZONE_AUTHORIZATION
    return Finding(rule, severity, subject, "New", (0,), "Leg 1 meets New.", deciding=deciding)


TOWERS = finding(Severity.AUTHORIZATION, "geozones/old", TOWER)
PORTS = finding(Severity.AUTHORIZATION, "geozones/new", PORT)
CLOSED = finding(Severity.BLOCKING)
TOLD = finding(Severity.NOTIFICATION)

# Written from the description, not from the code: where each kind of news leads from each state.
OUTCOMES = {
    State.SUBMITTED: {"closed": "rejected", "another": "reopened", "same": "reassessed"},
    State.UNDER_REVIEW: {"closed": "rejected", "another": "reopened", "same": "reassessed"},
    State.APPROVED: {"closed": "rescinded", "another": "reopened", "same": "reassessed"},
    State.ACTIVATED: {"closed": "rescinded", "another": "reassessed", "same": "reassessed"},
    State.NONCONFORMING: {"closed": "reassessed", "another": "reassessed", "same": "reassessed"},
    State.CONTINGENT: {"closed": "reassessed", "another": "reassessed", "same": "reassessed"},
}
STATES = {"rejected": State.REJECTED, "rescinded": State.RESCINDED, "reopened": State.UNDER_REVIEW}
TOWERS_TOO = finding(Severity.AUTHORIZATION, "geozones/new", TOWER)
NEWS = {
    "closed": (TOWERS, CLOSED),
    "another": (TOWERS, PORTS),
    "another of the same": (TOWERS, TOWERS_TOO),
    "same": (TOWERS, TOLD),
}


def test_every_state_that_is_checked_again_has_outcomes() -> None:
    assert set(OUTCOMES) == set(State) - FINAL


@pytest.mark.parametrize("news", NEWS)
@pytest.mark.parametrize("state", OUTCOMES)
def test_what_a_newer_airspace_does_to_a_plan(state: State, news: str) -> None:
    checked = plan(state, findings=(TOWERS,), airspace_revision=1, state_reason="so far")
    assert reassess(checked, NEWS[news], 2, NOW)
    what = OUTCOMES[state]["another" if news.startswith("another") else news]
    (happening,) = checked.happened
    assert (happening.what, happening.previous) == (what, state)
    assert checked.state is STATES.get(what, state)
    assert (checked.airspace_revision, checked.version, checked.update_time) == (2, 2, NOW)
    assert set(checked.findings) == set(NEWS[news])
    assert happening.asks == ({"another": (PORT,), "another of the same": (TOWER,)}[news] if what == "reopened" else ())
    if what == "reassessed":
        assert checked.state_reason == "so far"
    else:
        assert "revision 2, geozones/new" in checked.state_reason


@pytest.mark.parametrize("state", sorted(FINAL))
def test_plans_that_ended_are_not_checked_again(state: State) -> None:
    before, checked = plan(state), plan(state)
    assert not reassess(checked, (CLOSED,), 2, NOW)
    assert checked == before


@pytest.mark.parametrize(("fields", "changes"), [({}, True), ({"end": NOW}, False), ({"airspace_revision": 2}, False)])
def test_plans_that_are_over_or_were_checked_so_already_are_left(fields: dict[str, object], changes: bool) -> None:
    assert reassess(plan(State.APPROVED, **fields), (CLOSED,), 2, NOW) is changes


def test_findings_that_are_the_same_leave_a_plan_untouched_and_those_of_other_rules_stay() -> None:
    slow = Finding(Rule.ENDURANCE_EXCEEDED, Severity.NOTIFICATION, "", "", (), "Too long.")
    checked = plan(State.APPROVED, findings=(TOWERS, slow), airspace_revision=1)
    assert not reassess(checked, (TOWERS,), 2, NOW)
    assert (checked.version, checked.airspace_revision, checked.happened) == (1, 1, [])
    assert reassess(checked, (PORTS,), 2, NOW)
    assert checked.findings == (PORTS, slow)


def test_who_may_read_a_plan_follows_areas_and_zones_without_an_event_or_a_new_etag() -> None:
    checked = plan(State.APPROVED, findings=(TOWERS,), airspace_revision=1)
    assert reassess(checked, (TOWERS,), 2, NOW, touched=frozenset({TOWER, "authorities/city"}))
    assert list(checked.readers) == [TOWER, "authorities/city"]
    assert (checked.version, checked.happened) == (1, [])
    assert not reassess(checked, (TOWERS,), 2, NOW, touched=frozenset({"authorities/city", TOWER}))
    assert not reassess(checked, (TOWERS,), 2, NOW)
    assert reassess(checked, (TOWERS,), 3, NOW, touched=frozenset())
    assert list(checked.readers) == [TOWER]


def test_who_must_agree_by_law_follows_the_areas_or_stays_where_that_is_not_known() -> None:
    asking = RuleSets.read("CHN").of_country("CHN").application
    assert asking is not None
    tower, port = (application_required(name, name, asking) for name in (TOWER, PORT))
    checked = plan(State.APPROVED, findings=(tower,), airspace_revision=1)
    assert not reassess(checked, (), 2, NOW)
    assert not reassess(checked, (), 3, NOW, applications=(tower,))
    assert reassess(checked, (), 4, NOW, applications=(tower, port))
    assert (checked.state, checked.findings) == (State.UNDER_REVIEW, gravest_first((tower, port)))
    assert reassess(checked, (), 5, NOW, applications=())
    assert checked.findings == ()


def test_findings_compare_as_they_are_kept() -> None:
    precise = Finding(
        Rule.GEOZONE_PROHIBITED, Severity.BLOCKING, "geozones/z", "Z", (0,), "", start_s=1.23456789, end_s=2.0
    )
    (kept,) = as_kept([precise])
    assert as_kept([kept]) == (kept,)


@pytest.mark.parametrize(
    ("granted_by", "state"),
    [((), State.UNDER_REVIEW), ((TOWER,), State.UNDER_REVIEW), ((TOWER, PORT), State.APPROVED)],
)
def test_a_grant_counts_only_when_all_have_granted_whom_the_plan_needs_by_now(
    granted_by: tuple[str, ...], state: State
) -> None:
    reviewed = plan(State.UNDER_REVIEW, findings=(TOWERS, PORTS), approval="approvals/a")
    moved = apply_verdict(
        reviewed,
        Verdict.GRANTED,
        approval="approvals/a",
        number="LS-1",
        reason="",
        now=NOW,
        granted_by=granted_by,
        seen=[TOWERS, PORTS],
    )
    assert (reviewed.state, moved) == (state, state is State.APPROVED)


@pytest.mark.parametrize(
    ("seen", "state"),
    [((TOWERS, TOWERS_TOO), State.APPROVED), ((TOWERS,), State.UNDER_REVIEW), ((), State.UNDER_REVIEW)],
)
def test_a_grant_counts_only_for_what_its_authority_saw(seen: tuple[Finding, ...], state: State) -> None:
    reviewed = plan(State.UNDER_REVIEW, findings=(TOWERS, TOWERS_TOO), approval="approvals/a")
    apply_verdict(
        reviewed,
        Verdict.GRANTED,
        approval="approvals/a",
        number="LS-1",
        reason="",
        now=NOW,
        granted_by=(TOWER,),
        seen=seen,
    )
    assert reviewed.state is state


def test_what_is_reopened_is_not_reopened_again_by_the_same() -> None:
    checked = plan(State.APPROVED, findings=(TOWERS,), airspace_revision=1)
    assert reassess(checked, (TOWERS, TOWERS_TOO), 2, NOW)
    checked.happened.clear()
    assert not reassess(checked, (TOWERS, TOWERS_TOO), 3, NOW)
    assert checked.happened == []


@pytest.mark.parametrize(("approval", "version"), [("approvals/a", 1), ("", 2)])
def test_a_plan_under_review_hears_of_its_case_once(approval: str, version: int) -> None:
    reviewed = plan(State.UNDER_REVIEW, approval=approval)
    apply_verdict(
        reviewed,
        Verdict.UNDER_REVIEW,
        approval="approvals/a",
        number="LS-1",
        reason="",
        now=NOW,
        granted_by=(),
        seen=(),
    )
    assert (reviewed.state, reviewed.approval, reviewed.version) == (
        State.UNDER_REVIEW,
        "approvals/a",
        version,
    )


async def changed(airspace: Airspace, revision: int) -> set[str]:
    await airspace._build()
    return {zone.name for zone in changed_since(airspace.index, revision).zones}


async def test_zones_say_since_which_revision_they_are_as_they_are() -> None:
    airspace = Airspace(Health())
    one = zone(square((113.0, 22.0))).geozone
    for name in "abc":
        airspace.zone_published(CITY, f"geozones/city.{name}", one)
    airspace.dataset_imported(CITY, 1, 3)
    assert await changed(airspace, 0) == {f"geozones/city.{name}" for name in "abc"}
    airspace.zone_published(CITY, "geozones/city.a", zone(square((113.0, 22.0))).geozone)  # the same once more
    airspace.zone_published(CITY, "geozones/city.b", zone(square((113.0, 22.0), 0.02)).geozone)
    airspace.zone_removed(CITY, "geozones/city.c")
    airspace.zone_published(CITY, "geozones/city.d", one)
    airspace.dataset_imported(CITY, 2, 3)
    assert await changed(airspace, 1) == {"geozones/city.b", "geozones/city.d"}
    assert await changed(airspace, 2) == set()


async def test_a_zone_that_changes_and_changes_back_has_changed() -> None:
    airspace = Airspace(Health())
    for revision, restriction in enumerate(
        (Restriction.PROHIBITED, Restriction.NO_RESTRICTION, Restriction.PROHIBITED), start=1
    ):
        airspace.zone_published(CITY, "geozones/city.a", zone(square((113.0, 22.0)), restriction).geozone)
        airspace.dataset_imported(CITY, revision, 1)
    assert await changed(airspace, 2) == {"geozones/city.a"}
    assert await changed(airspace, 1) == {"geozones/city.a"}


async def test_plans_that_stay_unchecked_are_a_problem_of_health_until_they_have_been_checked() -> None:
    health = Health()
    await health.expect(PART, only_told=True)
    await health.report(PART, None)
    async with report_when_late(health, 7, 3600.0):
        assert not health.problems
    async with report_when_late(health, 7, 0.0):

        async def told() -> bool:
            return "airspace revision 7" in health.problems.get(PART, "")

        await eventually(told)
        health.require(writes=True)
    assert not health.problems


def index_of(*zones: IndexedZone[None]) -> ZoneIndex[int]:
    return ZoneIndex([IndexedZone(each.name, each.geozone, 1) for each in zones], 1)


def test_plans_are_sought_around_each_part_of_few_zones_and_around_all_of_many() -> None:
    islands = shapely.union_all([square((113.0, 22.0)), square((10.0, 50.0))])
    assert isinstance(islands, MultiPolygon)
    assert len(boxes_of(index_of(zone(islands)))) == 2
    many = [zone(square((float(n), 0.0)), name=f"geozones/d.{n}") for n in range(BOXES_MAX + 1)]
    assert len(boxes_of(index_of(*many[:-1]))) == BOXES_MAX
    assert np.allclose(boxes_of(index_of(*many)), [(-0.01, -0.01, BOXES_MAX + 0.01, 0.01)])


@pytest.mark.parametrize(
    ("places", "wide"), [(((113.0, 22.0), (113.01, 22.0)), False), (((179.99, 10.0), (-179.99, 10.0)), True)]
)
def test_the_box_of_a_plan_holds_its_volumes_and_over_the_antimeridian_is_as_wide_as_the_world(
    places: tuple[tuple[float, float], ...], wide: bool
) -> None:
    volumes = draw([proposal(trajectory(*places))], ANYWHERE).volumes
    west, south, east, north = shapely.total_bounds(volumes.outlines)
    assert shapely.box(west, south, east, north).buffer(1e-12).contains(shapely.union_all(volumes.outlines))
    assert ((west, east) == (-180.0, 180.0)) is wide
    assert north - south < 0.01


def test_a_plan_that_has_not_begun_is_as_good_as_one_that_has() -> None:
    assert reassess(plan(State.APPROVED), (CLOSED,), 2, START + timedelta(minutes=1))
