"""The story: what a day of requests looks like, scene by scene."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources

from rich.console import Console
from rich.table import Table

from lowsky.api.airspace.v1 import authorities_pb2
from lowsky.api.approvals.v1 import approvals_pb2
from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2
from lowsky.api.registration.v1 import aircraft_pb2, identifiers_pb2, operators_pb2
from lowsky.client import AlreadyExists, Client, read_profile
from lowsky.client.missions import flight_plan_of
from lowsky.local.demo.cast import FLEET, JIANGSU, OPERATOR, SHANGHAI, Cast, cast_for
from lowsky.local.demo.listening import listening
from lowsky.local.errors import StackError
from lowsky.local.stack import Stack
from lowsky.missions import read

SAMPLE = resources.files("lowsky.local") / "sample"

AUTHORITIES = {
    SHANGHAI: "Shanghai low-altitude authority (sample)",
    JIANGSU: "Jiangsu low-altitude authority (sample)",
}
DEPARTS_IN = timedelta(minutes=10)
CLEAR_OF_OTHERS = timedelta(minutes=2)
"""Between the end of what another flight holds and departure: volumes begin a minute before that."""
DECISION_WAIT = timedelta(seconds=10)
OFFICERS_WAIT_S = 20.0

SERIAL_NUMBERS = ("1AF49UL5CC5J6K", "1AF49UL5CC5J6L", "1AF49UL5CC5J6M")
IN_THE_WAY = {assessment_pb2.Finding.RULE_CONFLICT, assessment_pb2.Finding.RULE_AIRCRAFT_BUSY}


@dataclass(frozen=True)
class Scene:
    """How one request went, for the table at the end."""

    request: str
    plan: flight_plans_pb2.FlightPlan
    decided_by: str
    took_s: float


async def play(stack: Stack, console: Console) -> None:
    """Plays every scene, with the events of all services scrolling by as they come from Kafka.

    Raises:
        StackError: Something went otherwise than the story says.
    """
    async with AsyncExitStack() as exits:
        cast = await cast_for(stack, exits)
        await exits.enter_async_context(listening(stack, console))
        _title(console, "The airspace", "A sample around Shanghai and the province border; not an official publication")
        await publish_airspace(cast, console)
        _title(console, "An operator", "registers, is verified, and registers its aircraft")
        await register_operator(cast)
        scenes = [
            await fly_clear(cast, console),
            await fly_prohibited(cast, console),
            await fly_across_the_border(cast, console),
        ]
        await asyncio.sleep(0.5)  # let the last events scroll by before the table
    console.print()
    console.print(_summary(scenes))


async def publish_airspace(cast: Cast, console: Console) -> None:
    """Two authorities, each with its own dataset."""
    for name, title in AUTHORITIES.items():
        authority = authorities_pb2.Authority(display_name=title, country="CHN", time_zone="Asia/Shanghai")
        request = authorities_pb2.CreateAuthorityRequest(
            authority_id=name.removeprefix("authorities/"), authority=authority
        )
        await _unless_there(cast.administrator.call(cast.administrator.authorities.CreateAuthority, request))
    names = {title: name for name, title in AUTHORITIES.items()}
    for publisher, authority_name, file in (
        (cast.shanghai_publisher, SHANGHAI, "airspace-shanghai.json"),
        (cast.jiangsu_publisher, JIANGSU, "airspace-jiangsu.json"),
    ):
        response = await publisher.import_geozones(
            (SAMPLE / file).read_bytes(),
            dataset=f"datasets/{authority_name.removeprefix('authorities/')}-sample",
            authority=authority_name,
            title=f"{AUTHORITIES[authority_name]}: sample, not official",
            authority_names=names,
        )
        report = response.report
        console.print(
            f"{file}: {report.taken} zones taken, {report.repaired} repaired, {report.refused} refused; "
            f"airspace revision {response.dataset.airspace_revision}",
            highlight=False,
        )


async def register_operator(cast: Cast) -> None:
    """The founder applies, the registrar verifies, the dispatcher registers the fleet."""
    operator = operators_pb2.Operator(
        display_name="Sample Parcels Ltd",
        kind=operators_pb2.Operator.KIND_ENTERPRISE,
        identifiers=[identifiers_pb2.Identifier(scheme="cn-uscc", value="9144030071526726XG")],
        contact=operators_pb2.Contact(person_name="Duty dispatcher", email="dispatch@example.org"),
    )
    in_a_year = datetime.now(UTC) + timedelta(days=365)
    operator.insurance_expire_time.FromDatetime(in_a_year)
    operator.certificate.number = "UAOC-SAMPLE-0001"
    operator.certificate.expire_time.FromDatetime(in_a_year)
    create = operators_pb2.CreateOperatorRequest(operator_id=OPERATOR.removeprefix("operators/"), operator=operator)
    if await _unless_there(cast.applicant.call(cast.applicant.operators.CreateOperator, create)):
        verify = operators_pb2.VerifyOperatorRequest(name=OPERATOR)
        await cast.registrar.call(cast.registrar.operators.VerifyOperator, verify)
    for name, serial_number in zip(FLEET.values(), SERIAL_NUMBERS, strict=True):
        aircraft = aircraft_pb2.Aircraft(
            identifiers=[identifiers_pb2.Identifier(scheme="cta-2063-a", value=serial_number)],
            manufacturer="Sample Works",
            model="Parcel One",
            empty_mass_kg=9.5,
            max_takeoff_mass_kg=14.0,
            max_speed_mps=20.0,
            max_height_m=500.0,
        )
        register = aircraft_pb2.RegisterAircraftRequest(
            parent=OPERATOR, aircraft_id=name.rpartition("/")[2], aircraft=aircraft
        )
        await _unless_there(cast.operator.call(cast.operator.aircraft.RegisterAircraft, register))


async def fly_clear(cast: Cast, console: Console) -> Scene:
    """A parcel in clear air: granted by rule."""
    _title(console, "A parcel flight in clear air", "Lingang: nobody's word is needed")
    scene = await _submit(cast.operator, "parcel-lingang.plan", "rule", console)
    _expect(scene.plan, flight_plans_pb2.STATE_APPROVED)
    console.print(f"[green]APPROVED[/] {scene.took_s * 1000:.0f} ms after it was sent", highlight=False)
    return scene


async def fly_prohibited(cast: Cast, console: Console) -> Scene:
    """A parcel over the chemical works: rejected, and told why."""
    _title(console, "A parcel flight across a prohibited zone", "Jinshan: the leg crosses it, no waypoint lies inside")
    scene = await _submit(cast.operator, "parcel-jinshan.plan", "the geofence check", console)
    _expect(scene.plan, flight_plans_pb2.STATE_REJECTED)
    finding = scene.plan.findings[0]
    console.print(f"[red]REJECTED[/] {finding.subject}", highlight=False)
    console.print(finding.message, highlight=False)
    return scene


async def fly_across_the_border(cast: Cast, console: Console) -> Scene:
    """A parcel from Shanghai into Jiangsu: both authorities' officers decide."""
    _title(console, "A parcel flight across the province border", "two authorities must agree: one case, two decisions")
    asked = await _submit(cast.operator, "parcel-across-the-border.plan", "two officers", console)
    _expect(asked.plan, flight_plans_pb2.STATE_UNDER_REVIEW)
    console.print(f"[yellow]UNDER REVIEW[/] as case {asked.plan.approval_number}", highlight=False)
    for officer, name in ((cast.shanghai_officer, SHANGHAI), (cast.jiangsu_officer, JIANGSU)):
        queue = approvals_pb2.ListApprovalsRequest(awaiting_me=True, flight_plan=asked.plan.name)
        (case,) = (await officer.call(officer.approvals.ListApprovals, queue)).approvals
        await officer.decide_approval(
            case.name,
            approvals_pb2.Decision.OUTCOME_GRANTED,
            etag=case.etag,
            reason=f"Agreed by {AUTHORITIES[name]}.",
        )
        console.print(f"{AUTHORITIES[name]}: [green]granted[/]", highlight=False)
    plan = await _until_moved(cast.operator, asked.plan)
    _expect(plan, flight_plans_pb2.STATE_APPROVED)
    console.print("[green]APPROVED[/] both have agreed", highlight=False)
    took = (plan.update_time.ToDatetime() - plan.create_time.ToDatetime()).total_seconds()
    return Scene(asked.request, plan, asked.decided_by, took)


async def _submit(operator: Client, mission_file: str, decided_by: str, console: Console) -> Scene:
    plan = await _at_a_free_time(operator, mission_file, console)
    begun = time.perf_counter()
    answer = await operator.submit_flight_plan(OPERATOR, plan, wait_for_decision=DECISION_WAIT)
    return Scene(mission_file, answer, decided_by, time.perf_counter() - begun)


async def _at_a_free_time(operator: Client, mission_file: str, console: Console) -> flight_plans_pb2.FlightPlan:
    """The mission in ten minutes, or after the flights that hold its airspace or its aircraft then: those of an earlier
    demo, say."""
    mission = read((SAMPLE / mission_file).read_bytes(), mission_file)
    profile = sample_profile()
    departure = datetime.now(UTC) + DEPARTS_IN
    while True:
        plan = flight_plan_of(
            mission, aircraft=FLEET[mission_file], departure=departure, reference=mission_file, profile=profile
        )
        dry_run = await operator.submit_flight_plan(OPERATOR, plan, validate_only=True)
        conflicts = [one for one in dry_run.findings if one.rule in IN_THE_WAY]
        if not conflicts:
            return plan
        departure = max(one.time_end.ToDatetime(UTC) for one in conflicts) + CLEAR_OF_OTHERS
        console.print(
            f"[dim]Another flight holds this airspace: the parcel leaves at {departure:%H:%M}Z instead.[/]",
            highlight=False,
        )


def sample_profile() -> flight_plans_pb2.FlightPlan:
    """What the flights of the sample's operator have in common."""
    with resources.as_file(SAMPLE / "profile.toml") as file:
        return read_profile(file)


async def _until_moved(operator: Client, plan: flight_plans_pb2.FlightPlan) -> flight_plans_pb2.FlightPlan:
    """The plan after its next move."""
    async with asyncio.timeout(OFFICERS_WAIT_S):
        while True:
            now = await operator.get_flight_plan(plan.name)
            if now.state != plan.state:
                return now
            await asyncio.sleep(0.05)


async def _unless_there(call: object) -> bool:
    """Whether it was made now; False where an earlier demo in the same folder made it."""
    try:
        await call  # type: ignore[misc]  # a coroutine of any answer
    except AlreadyExists:
        return False
    return True


def _expect(plan: flight_plans_pb2.FlightPlan, state: flight_plans_pb2.State.ValueType) -> None:
    if plan.state != state:
        name = flight_plans_pb2.State.Name
        findings = "; ".join(finding.message for finding in plan.findings)
        raise StackError(f"{plan.reference} should be {name(state)} and is {name(plan.state)}. {findings}")


def _title(console: Console, title: str, subtitle: str) -> None:
    console.print()
    console.rule(f"[bold]{title}[/]", align="left")
    console.print(f"[dim]{subtitle}[/]", highlight=False)


def _summary(scenes: list[Scene]) -> Table:
    table = Table(title="What became of each request", title_justify="left")
    for heading in ("request", "decision", "by", "after", "findings"):
        table.add_column(heading, no_wrap=heading != "findings")
    for scene in scenes:
        state = flight_plans_pb2.State.Name(scene.plan.state).removeprefix("STATE_")
        findings = ", ".join(finding.subject_title for finding in scene.plan.findings) or "none"
        table.add_row(scene.request.removesuffix(".plan"), state, scene.decided_by, f"{scene.took_s:.2f} s", findings)
    return table
