"""What the command sends, prints and exits with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2

from lowsky.api.airspace.v1 import authorities_pb2, geozones_pb2
from lowsky.api.approvals.v1 import approvals_pb2
from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from lowsky.api.registration.v1 import aircraft_pb2, operators_pb2
from tests.unit.cli.conftest import Run, Scripted, refusal

PLAN = "operators/acme/flightPlans/p1"
AIRCRAFT = "operators/acme/aircraft/d1"


def mission() -> dict[str, Any]:
    """A short flight of a multicopter that circles at its second point."""

    def item(command: int, lat: float, lon: float, *params: float) -> dict[str, Any]:
        return {
            "type": "SimpleItem",
            "command": command,
            "frame": 3,
            "params": [*params, *[0] * (4 - len(params)), lat, lon, 50],
            "autoContinue": True,
            "doJumpId": 1,
        }

    items = [item(22, 31.2, 121.5), item(18, 31.205, 121.5, 2, 0, 40), item(21, 31.21, 121.5)]
    items[-1]["params"][6] = 0
    return {
        "fileType": "Plan",
        "version": 1,
        "groundStation": "QGroundControl",
        "geoFence": {"circles": [], "polygons": [], "version": 2},
        "rallyPoints": {"points": [], "version": 2},
        "mission": {
            "version": 2,
            "firmwareType": 12,
            "vehicleType": 2,
            "cruiseSpeed": 15,
            "hoverSpeed": 5,
            "plannedHomePosition": [31.2, 121.5, 4],
            "items": [{**one, "doJumpId": number} for number, one in enumerate(items, 1)],
        },
    }


@pytest.fixture
def plan_file(tmp_path: Path) -> str:
    file = tmp_path / "mission.plan"
    file.write_text(json.dumps(mission()))
    return str(file)


def found(state: pb.State.ValueType, **fields: Any) -> pb.FlightPlan:
    plan = pb.FlightPlan(name=PLAN, aircraft=AIRCRAFT, state=state, etag="e1", **fields)
    plan.trajectory.horizontal_buffer_m = 30
    plan.time_start.FromSeconds(1_795_568_400)
    return plan


def finding() -> assessment_pb2.Finding:
    one = assessment_pb2.Finding(
        rule=assessment_pb2.Finding.RULE_GEOZONE_PROHIBITED,
        severity=assessment_pb2.Finding.SEVERITY_BLOCKING,
        subject="geozones/cn-shanghai.ZSSS",
        subject_title="Hongqiao \x1b[31mAirport",
        volumes=[2, 3, 4],
        message="Fly around the airport, or ask its authority.",
    )
    one.plan_altitude.lower_m, one.plan_altitude.upper_m = 40, 60
    one.plan_altitude.lower_datum = one.plan_altitude.upper_datum = geo_pb2.ALTITUDE_DATUM_TAKEOFF
    return one


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (pb.STATE_APPROVED, 0),
        (pb.STATE_REJECTED, 8),
        (pb.STATE_UNDER_REVIEW, 9),
        (pb.STATE_SUBMITTED, 9),
    ],
)
async def test_submit_ends_with_the_plans_state(
    run: Run, services: Scripted, target: str, plan_file: str, state: pb.State.ValueType, code: int
) -> None:
    services.answers["SubmitFlightPlan"] = [pb.SubmitFlightPlanResponse(flight_plan=found(state))]
    ended = await run("plan", "submit", plan_file, "--aircraft", AIRCRAFT, "-o", "json", at=target)
    assert ended.code == code
    assert ended.json["name"] == PLAN
    assert ended.json["state"] == pb.State.Name(state)


async def test_submit_says_what_it_assumes_and_asks_for_all_the_room_needed(
    run: Run, services: Scripted, target: str, plan_file: str
) -> None:
    services.answers["SubmitFlightPlan"] = [
        pb.SubmitFlightPlanResponse(flight_plan=found(pb.STATE_REJECTED, findings=[finding()]))
    ]
    ended = await run(
        *("plan", "submit", plan_file, "--aircraft", AIRCRAFT, "--depart", "2026-11-25T09:00+08:00"),
        *("--buffer", "20", "--purpose", "medical", "--mode", "vlos", "--reference", "R 1", "--wait", "3"),
        at=target,
    )
    request = services.requests["SubmitFlightPlan"][0]
    plan = request.flight_plan
    assert request.parent == "operators/acme"
    assert request.wait_for_decision.seconds == 3
    assert plan.purpose == pb.FlightPlan.PURPOSE_MEDICAL
    assert plan.mode == pb.FlightPlan.MODE_VLOS
    assert plan.reference == "R 1"
    assert plan.trajectory.horizontal_buffer_m == 60  # 20 m, and the 40 m in which the aircraft circles
    assert plan.trajectory.takeoff_amsl_m == 4
    assert plan.trajectory.departure_time.ToJsonString() == "2026-11-25T01:00:00Z"
    assert services.metadata["authorization"] == "Bearer secret"
    assert "Take-off is at 2026-11-25 09:00:00+08:00." in ended.err
    assert "above the take-off point" in ended.err
    assert "60 m to each side, 40 m of it because the aircraft circles" in ended.err
    assert "circles within 40 m" in ended.err  # the mission's own assumptions
    assert ended.code == 8
    assert "REJECTED" in ended.out
    assert "3-5" in ended.out  # legs, counted from 1
    assert "Fly around the airport, or ask its authority." in ended.out
    assert "\x1b" not in ended.out
    assert all(len(line) <= 80 for line in ended.out.splitlines() if not line.startswith("→"))


async def test_a_buffer_that_is_too_wide_with_the_circles_says_what_was_added(
    run: Run, services: Scripted, target: str, plan_file: str
) -> None:
    ended = await run(
        *("plan", "submit", plan_file, "--aircraft", AIRCRAFT, "--depart", "2026-11-25T09:00+08:00"),
        *("--buffer", "4990", "--output", "json"),
        at=target,
    )
    assert ended.error["reason"] == "BUFFER_TOO_LARGE"
    assert all(part in ended.error["message"] for part in ("4990 m", "40 m on which", "5000 m"))
    assert "SubmitFlightPlan" not in services.requests


async def test_without_a_departure_the_flight_is_in_five_minutes_and_that_is_said(
    run: Run, services: Scripted, target: str, plan_file: str
) -> None:
    services.answers["SubmitFlightPlan"] = [pb.SubmitFlightPlanResponse(flight_plan=found(pb.STATE_APPROVED))]
    ended = await run("plan", "submit", plan_file, "--aircraft", "d1", "--operator", "acme", at=target)
    assert "five minutes from now" in ended.err
    assert services.requests["SubmitFlightPlan"][0].flight_plan.aircraft == AIRCRAFT
    assert f"lowsky plan activate {PLAN}" in ended.out


async def test_check_is_a_dry_run(run: Run, services: Scripted, target: str, plan_file: str) -> None:
    services.answers["SubmitFlightPlan"] = [
        pb.SubmitFlightPlanResponse(flight_plan=found(pb.STATE_SUBMITTED, findings=[finding()])),
        pb.SubmitFlightPlanResponse(flight_plan=found(pb.STATE_SUBMITTED, deciding_authorities=["authorities/x"])),
        pb.SubmitFlightPlanResponse(flight_plan=found(pb.STATE_SUBMITTED)),
    ]
    codes = [(await run("plan", "check", plan_file, "--aircraft", AIRCRAFT, at=target)).code for _ in range(3)]
    assert codes == [8, 9, 0]
    assert all(request.validate_only for request in services.requests["SubmitFlightPlan"])


async def test_a_flight_plan_message_is_taken_as_it_is(
    run: Run, services: Scripted, target: str, tmp_path: Path
) -> None:
    file = tmp_path / "volumes.json"
    volume = {
        "outlineCircle": {"center": {"latitude": 31.2, "longitude": 121.5}, "radiusM": 100},
        "altitude": {"lowerM": 0, "lowerDatum": "ALTITUDE_DATUM_AGL", "upperM": 60, "upperDatum": "ALTITUDE_DATUM_AGL"},
        "timeStart": "2026-11-25T01:00:00Z",
        "timeEnd": "2026-11-25T01:10:00Z",
    }
    file.write_text(json.dumps({"aircraft": AIRCRAFT, "purpose": "PURPOSE_SURVEY", "volumes": {"volumes": [volume]}}))
    services.answers["SubmitFlightPlan"] = [pb.SubmitFlightPlanResponse(flight_plan=found(pb.STATE_APPROVED))]
    assert (await run("plan", "submit", str(file), at=target)).code == 0
    sent = services.requests["SubmitFlightPlan"][0].flight_plan
    assert sent.volumes.volumes[0].outline_circle.radius_m == 100
    assert sent.purpose == pb.FlightPlan.PURPOSE_SURVEY
    late = await run("plan", "submit", str(file), "--depart", "2026-11-25T09:00Z", "-o", "json", at=target)
    assert (late.code, late.error["reason"]) == (3, "DEPARTURE_IN_VOLUMES")


async def test_errors_are_json_where_asked(run: Run, services: Scripted, target: str) -> None:
    bad = error_details_pb2.BadRequest()
    bad.field_violations.add(field="name", description="is wrong")
    services.answers["WithdrawFlightPlan"] = [
        refusal(grpc.StatusCode.FAILED_PRECONDITION, "ILLEGAL_MOVE", "not so", bad, state="ENDED")
    ]
    ended = await run("plan", "withdraw", PLAN, "--output", "json", at=target)
    assert ended.code == ended.error["exitCode"] == 6
    assert ended.out == ""
    assert (ended.error["reason"], ended.error["message"]) == ("ILLEGAL_MOVE", "not so")
    assert ended.error["fields"] == [{"field": "name", "message": "is wrong", "reason": ""}]
    assert ended.error["metadata"] == {"state": "ENDED"}


async def test_errors_for_people_name_each_field_and_what_to_do(run: Run, services: Scripted, target: str) -> None:
    services.answers["ActivateFlightPlan"] = [refusal(grpc.StatusCode.ABORTED, "STALE_ETAG", "changed meanwhile")]
    ended = await run("plan", "activate", PLAN, at=target)
    assert "STALE_ETAG: changed meanwhile" in ended.err
    assert "→ it was changed meanwhile: show it again" in ended.err


async def test_a_watch_of_a_plan_ends_with_its_decision_and_keeps_its_token(
    run: Run, services: Scripted, target: str, tmp_path: Path
) -> None:
    review, approved = found(pb.STATE_UNDER_REVIEW), found(pb.STATE_APPROVED)
    approved.etag = "e2"
    other = pb.FlightPlan(name="operators/acme/flightPlans/p2", state=pb.STATE_REJECTED)
    services.answers["GetFlightPlan"] = [pb.GetFlightPlanResponse(flight_plan=review)]
    services.answers["WatchFlightPlans"] = [
        [
            pb.WatchFlightPlansResponse(checkpoint=pb.Checkpoint(), resume_token="t0"),
            pb.WatchFlightPlansResponse(flight_plan=other, resume_token="t1"),
            pb.WatchFlightPlansResponse(flight_plan=approved, resume_token="t2"),
        ]
    ]
    store = tmp_path / "token"
    ended = await run("plan", "watch", PLAN, "--token-store", str(store), "-o", "json", at=target)
    assert ended.code == 0
    states = [json.loads(line)["flightPlan"]["state"] for line in ended.out.splitlines()]
    assert states == ["STATE_UNDER_REVIEW", "STATE_APPROVED"]
    assert store.read_text() == "t2\n"
    again = await run("plan", "watch", PLAN, "--token-store", str(store), at=target)
    assert services.requests["WatchFlightPlans"][-1].resume_token == "t2"
    assert again.code == 0


async def test_lists_are_one_document_and_never_silently_cut(run: Run, services: Scripted, target: str) -> None:
    plans = [pb.FlightPlan(name=f"{PLAN}{number}", state=pb.STATE_APPROVED) for number in range(4)]
    services.answers["ListFlightPlans"] = [
        pb.ListFlightPlansResponse(flight_plans=plans[:2], next_page_token="more"),
        pb.ListFlightPlansResponse(flight_plans=plans[2:]),
    ]
    ended = await run("plan", "list", "--operator", "acme", "--state", "approved", "-o", "json", at=target)
    assert [plan["name"] for plan in ended.json["flightPlans"]] == [plan.name for plan in plans]
    assert services.requests["ListFlightPlans"][0].states == [pb.STATE_APPROVED]
    services.answers["ListFlightPlans"] = [
        pb.ListFlightPlansResponse(flight_plans=plans[:2], next_page_token="more"),
    ]
    ended = await run("plan", "list", "--operator", "acme", "--limit", "1", at=target)
    assert "only the first 1 are shown" in ended.err


async def test_an_operator_is_registered(run: Run, services: Scripted, target: str) -> None:
    made = operators_pb2.Operator(name="operators/acme", state=operators_pb2.Operator.STATE_APPLIED)
    services.answers["CreateOperator"] = [operators_pb2.CreateOperatorResponse(operator=made)]
    ended = await run(
        *("operators", "create", "--id", "acme", "--display-name", "Acme", "--contact", "Li"),
        *("--identifier", "cn-uscc:X1", "--identifier", "some-scheme:a:b"),
        *("--phone", "+862112345678", "--insurance-until", "2027-01-01T00:00Z"),
        at=target,
    )
    request = services.requests["CreateOperator"][0]
    assert ended.code == 0
    assert "APPLIED" in ended.out
    assert (request.operator_id, request.operator.kind) == ("acme", operators_pb2.Operator.KIND_ENTERPRISE)
    given = [(one.scheme, one.value) for one in request.operator.identifiers]
    assert given == [("cn-uscc", "X1"), ("some-scheme", "a:b")]


async def test_an_update_changes_only_what_is_given(run: Run, services: Scripted, target: str) -> None:
    now = operators_pb2.Operator(name="operators/acme", etag="e7", display_name="Acme")
    now.contact.person_name = "Li"
    services.answers["GetOperator"] = [operators_pb2.GetOperatorResponse(operator=now)]
    services.answers["UpdateOperator"] = [operators_pb2.UpdateOperatorResponse(operator=now)]
    await run("operators", "update", "acme", "--email", "li@example.org", at=target)
    request = services.requests["UpdateOperator"][0]
    assert list(request.update_mask.paths) == ["contact"]
    assert (request.operator.contact.person_name, request.operator.contact.email) == ("Li", "li@example.org")
    assert request.operator.etag == "e7"
    assert (await run("operators", "update", "acme", at=target)).code == 2


@pytest.mark.parametrize(
    ("said", "asked", "shown"),
    [
        ("emergency", assessment_pb2.PRIORITY_EMERGENCY, "EMERGENCY"),
        ("public-service", assessment_pb2.PRIORITY_PUBLIC_SERVICE, "PUBLIC_SERVICE"),
        ("ordinary", assessment_pb2.PRIORITY_UNSPECIFIED, None),
    ],
)
async def test_an_operator_is_entitled_to_a_priority(
    run: Run, services: Scripted, target: str, said: str, asked: int, shown: str | None
) -> None:
    made = operators_pb2.Operator(name="operators/acme", priority_max=asked, priority_reason="fire brigade")  # type: ignore[arg-type]
    services.answers["EntitleOperator"] = [operators_pb2.EntitleOperatorResponse(operator=made)]
    options = ("--priority", said, "--reason", "fire brigade", "--etag", "e7")
    ended = await run("operators", "entitle", "acme", *options, at=target)
    request = services.requests["EntitleOperator"][0]
    assert (request.name, request.priority_max, request.reason, request.etag) == (
        "operators/acme",
        asked,
        "fire brigade",
        "e7",
    )
    assert "fire brigade" in ended.out
    assert ("entitled to" in ended.out) == (shown is not None)
    assert shown is None or shown in ended.out


async def test_aircraft_are_registered(run: Run, services: Scripted, target: str) -> None:
    made = aircraft_pb2.Aircraft(name=AIRCRAFT, category=aircraft_pb2.Aircraft.CATEGORY_SMALL)
    services.answers["RegisterAircraft"] = [aircraft_pb2.RegisterAircraftResponse(aircraft=made)]
    ended = await run(
        *("aircraft", "register", "--operator", "acme", "--serial", "1ABC4XYZ9", "--manufacturer", "M", "--model", "X"),
        *("--empty-mass", "3", "--max-takeoff-mass", "8", "--max-speed", "20", "--eu-class", "c3", "-o", "json"),
        at=target,
    )
    assert ended.json["category"] == "CATEGORY_SMALL"
    assert services.requests["RegisterAircraft"][0].parent == "operators/acme"


async def test_authorities_are_shown(run: Run, services: Scripted, target: str) -> None:
    one = authorities_pb2.Authority(name="authorities/caac-east", display_name="CAAC East", time_zone="Asia/Shanghai")
    services.answers["GetAuthority"] = [authorities_pb2.GetAuthorityResponse(authority=one)]
    ended = await run("authorities", "show", "caac-east", at=target)
    assert "CAAC East" in ended.out


async def test_an_officer_decides_on_what_was_seen(run: Run, services: Scripted, target: str) -> None:
    case = approvals_pb2.Approval(name="approvals/a1", state=approvals_pb2.Approval.STATE_GRANTED)
    services.answers["DecideApproval"] = [approvals_pb2.DecideApprovalResponse(approval=case)]
    base = ("approvals", "decide", "a1", "--etag", "e1", "--reason", "fine")
    assert (await run(*base, "--grant", at=target)).code == 0
    request = services.requests["DecideApproval"][0]
    assert (request.etag, request.outcome) == ("e1", approvals_pb2.Decision.OUTCOME_GRANTED)
    assert (await run(*base, at=target)).code == 3
    assert (await run(*base, "--grant", "--reject", at=target)).code == 3


def report() -> geozones_pb2.ImportReport:
    made = geozones_pb2.ImportReport(format="ED-269", taken=1, repaired=1, refused=1)
    for position, (identifier, outcome) in enumerate((("A", 1), ("B", 2), ("C", 3))):
        entry = made.entries.add(position=position, identifier=identifier, outcome=outcome)
        if outcome != 1:
            entry.notes.add(reason="RING_NOT_CLOSED", field="geometry[0]", message="the ring was open")
    return made


IMPORT = ("zones", "import", "zones.json", "--dataset", "at-austrocontrol", "--authority", "austrocontrol")


async def test_an_import_names_each_zone_that_was_not_simply_taken(
    run: Run, services: Scripted, target: str, tmp_path: Path
) -> None:
    (tmp_path / "zones.json").write_bytes(b"x" * 600_000)
    response = geozones_pb2.ImportGeozonesResponse(report=report())
    services.answers["ImportGeozones"] = [response]
    ended = await run(*IMPORT, "--authority-name", "LFPG=y", "--on-error", "accept-valid", "--dry-run", at=target)
    assert ended.code == 0
    assert "RING_NOT_CLOSED" in ended.out
    assert "repaired" in ended.out
    header, *chunks = services.requests["ImportGeozones"][0]
    assert (header.header.validate_only, header.header.on_error) == (True, geozones_pb2.ON_ERROR_ACCEPT_VALID)
    assert dict(header.header.authority_names) == {"LFPG": "authorities/y"}
    assert b"".join(chunk.chunk for chunk in chunks) == b"x" * 600_000


async def test_a_dry_run_shows_the_difference_to_the_present_version(
    run: Run, services: Scripted, target: str, tmp_path: Path
) -> None:
    (tmp_path / "zones.json").write_text("{}")
    kinds = geozones_pb2.ZoneChange
    difference = geozones_pb2.ImportDifference(
        from_version=7, added=1, changed=1, removed=2, unchanged=40, area_gained_m2=2_500_000.0, area_lost_m2=12.3
    )
    difference.zones.add(identifier="LOWW", kind=kinds.KIND_ADDED, area_gained_m2=2_500_000.0)
    difference.zones.add(
        identifier="LOWG",
        kind=kinds.KIND_CHANGED,
        aspects=[kinds.ASPECT_EXTENT, kinds.ASPECT_TIMES],
        area_lost_m2=12.3,
    )
    difference.unnamed = 2
    response = geozones_pb2.ImportGeozonesResponse(report=report(), difference=difference)
    services.answers["ImportGeozones"] = [response, response]
    ended = await run(*IMPORT, "--dry-run", at=target)
    assert ended.code == 0
    shown = " ".join(ended.out.split())
    assert "would change version 7 added 1 changed 1 removed 2 unchanged 40 gained 2.50 km² lost 12.3 m²" in shown
    assert "LOWW ADDED 2.50 km² 0" in shown
    assert "LOWG CHANGED EXTENT, TIMES 0 12.3 m²" in shown
    assert "… and 2 more" in shown
    assert (await run(*IMPORT, "-o", "json", at=target)).json["difference"]["changed"] == 1


async def test_a_rollback_names_the_version_and_shows_what_it_changes(
    run: Run, services: Scripted, target: str
) -> None:
    response = geozones_pb2.RollbackDatasetResponse(
        dataset=geozones_pb2.Dataset(name="datasets/at", version=9, geozone_count=5),
        difference=geozones_pb2.ImportDifference(from_version=8, removed=1, area_lost_m2=9_999.0),
    )
    services.answers["RollbackDataset"] = [response, response]
    ended = await run("zones", "rollback", "at", "--version", "7", at=target)
    assert ended.code == 0
    shown = " ".join(ended.out.split())
    assert "datasets/at, version 9, 5 zones changed since version 8 added 0 changed 0 removed 1" in shown
    await run("zones", "rollback", "datasets/at", "--version", "7", "--dry-run", at=target)
    first, second = services.requests["RollbackDataset"]
    assert (first.dataset, first.version, first.validate_only) == ("datasets/at", 7, False)
    assert second.validate_only
    assert len(first.request_id) == 36


async def test_a_refused_import_shows_its_report_too(run: Run, services: Scripted, target: str, tmp_path: Path) -> None:
    (tmp_path / "zones.json").write_text("{}")
    services.answers["ImportGeozones"] = [
        refusal(grpc.StatusCode.FAILED_PRECONDITION, "ZONES_REFUSED", "1 of 3 zones was refused", report())
    ]
    ended = await run(*IMPORT, "-o", "json", at=target)
    assert ended.code == 6
    assert ended.json["report"]["refused"] == 1
    assert ended.error["reason"] == "ZONES_REFUSED"
    ended = await run(*IMPORT, at=target)
    assert "RING_NOT_CLOSED" in ended.out
    assert "--on-error accept-valid" in ended.err


async def test_an_import_that_takes_much_away_says_how_to_confirm_it_and_the_confirmation_is_sent(
    run: Run, services: Scripted, target: str, tmp_path: Path
) -> None:
    (tmp_path / "zones.json").write_text("{}")
    difference = geozones_pb2.ImportDifference(from_version=7, digest="0123456789abcdef", needs_confirmation=True)
    difference.losses.add(loss=geozones_pb2.ProtectionLost.LOSS_ALTITUDE, zones=3, first=["geozones/at.A"])
    taken = {"removed": "3", "of": "3", "digest": "0123456789abcdef"}
    services.answers["ImportGeozones"] = [
        geozones_pb2.ImportGeozonesResponse(report=report(), difference=difference),
        refusal(grpc.StatusCode.FAILED_PRECONDITION, "REMOVAL_NOT_CONFIRMED", "3 of 3 zones", **taken),
        geozones_pb2.ImportGeozonesResponse(report=report()),
    ]
    shown = " ".join((await run(*IMPORT, "--dry-run", at=target, COLUMNS="200")).out.split())
    assert "--confirm 0123456789abcdef" in shown
    assert "protect less ALTITUDE 3: at.A, …" in shown
    ended = await run(*IMPORT, at=target, COLUMNS="200")
    assert ended.code == 6
    assert "--confirm 0123456789abcdef" in ended.err
    assert (await run(*IMPORT, "--confirm", "0123456789abcdef", at=target)).code == 0
    assert services.requests["ImportGeozones"][2][0].header.confirm_difference == "0123456789abcdef"


async def test_zones_are_listed_by_area(run: Run, services: Scripted, target: str) -> None:
    zone = geozones_pb2.Geozone(name="geozones/at.LOWW", restriction=geozones_pb2.RESTRICTION_PROHIBITED)
    zone.layers.add().altitude.upper_datum = geo_pb2.ALTITUDE_DATUM_AGL
    services.answers["ListGeozones"] = [geozones_pb2.ListGeozonesResponse(geozones=[zone])]
    ended = await run("zones", "list", "--area", "16,48,17,49", at=target)
    assert "at.LOWW" in ended.out
    area = services.requests["ListGeozones"][0].area
    assert (area.south_west.longitude, area.north_east.latitude) == (16, 49)


async def test_an_import_says_what_the_publisher_knows_of_the_ground(
    run: Run, services: Scripted, target: str, tmp_path: Path
) -> None:
    (tmp_path / "zones.json").write_text("{}")
    services.answers["ImportGeozones"] = [geozones_pb2.ImportGeozonesResponse(report=report())]
    assert (await run(*IMPORT, "--terrain", "-3.5", "120", at=target)).code == 0
    header = services.requests["ImportGeozones"][0][0].header
    assert (header.terrain_min_m, header.terrain_max_m) == (-3.5, 120)


async def test_an_import_says_what_coordinates_are_measured_in_and_shows_what_is_noted_of_the_whole_file(
    run: Run, services: Scripted, target: str, tmp_path: Path
) -> None:
    (tmp_path / "zones.json").write_text("{}")
    response = geozones_pb2.ImportGeozonesResponse(report=report())
    response.report.notes.add(reason="CGCS2000_TAKEN_AS_WGS_84", message="some centimetres\x1b[31m apart")
    services.answers["ImportGeozones"] = [response]
    ended = await run(*IMPORT, "--reference-system", "gcj-02", at=target, COLUMNS="200")
    assert ended.code == 0
    assert "CGCS2000_TAKEN_AS_WGS_84: some centimetres" in ended.out
    assert "\x1b" not in ended.out
    assert services.requests["ImportGeozones"][0][0].header.reference_system == geo_pb2.REFERENCE_SYSTEM_GCJ_02
    assert (await run(*IMPORT, "--reference-system", "mars", at=target)).code == 3


async def test_a_decision_names_reason_codes(run: Run, services: Scripted, target: str) -> None:
    case = approvals_pb2.Approval(name="approvals/a1", state=approvals_pb2.Approval.STATE_REJECTED)
    services.answers["DecideApproval"] = [approvals_pb2.DecideApprovalResponse(approval=case)]
    codes = ("--code", "WEATHER", "--code", "OTHER")
    base = ("approvals", "decide", "a1", "--etag", "e1", "--reason", "fog", "--reject")
    assert (await run(*base, *codes, at=target)).code == 0
    (request,) = services.requests["DecideApproval"]
    assert list(request.reason_codes) == ["WEATHER", "OTHER"]


async def test_the_plan_within_a_case_is_shown_as_of_its_time(run: Run, services: Scripted, target: str) -> None:
    case = approvals_pb2.Approval(name="approvals/a1", state=approvals_pb2.Approval.STATE_PENDING)
    case.flight_plan.name = PLAN
    case.flight_plan_time.FromJsonString("2026-03-01T07:30:00Z")
    services.answers["DecideApproval"] = [approvals_pb2.DecideApprovalResponse(approval=case)]
    ended = await run("approvals", "decide", "a1", "--etag", "e1", "--reason", "fine", "--grant", at=target)
    assert "the plan as of 2026-03-01 15:30+08:00" in ended.out


async def test_a_case_is_rescinded_and_shows_by_whom_and_why(run: Run, services: Scripted, target: str) -> None:
    case = approvals_pb2.Approval(name="approvals/a1", state=approvals_pb2.Approval.STATE_RESCINDED)
    case.decisions.add(authority="authorities/tower", outcome=approvals_pb2.Decision.OUTCOME_GRANTED)
    case.rescission.authority, case.rescission.reason = "authorities/tower", "a procession"
    case.rescission.reason_codes.append("PUBLIC_EVENT")
    services.answers["RescindApproval"] = [approvals_pb2.RescindApprovalResponse(approval=case)]
    said = ("--etag", "e1", "--reason", "a procession", "--code", "PUBLIC_EVENT")
    ended = await run("approvals", "rescind", "a1", *said, at=target)
    assert ended.code == 0
    (request,) = services.requests["RescindApproval"]
    assert (request.name, request.etag, list(request.reason_codes)) == ("approvals/a1", "e1", ["PUBLIC_EVENT"])
    assert all(text in ended.out for text in ("RESCINDED", "PUBLIC_EVENT", "procession"))


async def test_reason_codes_are_listed_in_the_language_asked_for(run: Run, services: Scripted, target: str) -> None:
    code = approvals_pb2.ReasonCode(code="WEATHER", uses=[approvals_pb2.ReasonCode.USE_REJECTION])
    code.texts.add(language="en", text="Fog.")
    code.texts.add(language="zh", text="雾。")
    services.answers["ListReasonCodes"] = [approvals_pb2.ListReasonCodesResponse(reason_codes=[code])] * 2
    assert "Fog." in (await run("approvals", "reasons", at=target)).out
    assert "雾。" in (await run("approvals", "reasons", "--language", "zh", at=target)).out


async def test_a_rescinded_flight_in_the_air_is_told_to_land(run: Run, services: Scripted, target: str) -> None:
    plans = [found(pb.STATE_RESCINDED, airborne=airborne) for airborne in (True, False)]
    services.answers["GetFlightPlan"] = [pb.GetFlightPlanResponse(flight_plan=plan) for plan in plans]
    services.answers["EndFlightPlan"] = [pb.EndFlightPlanResponse(flight_plan=plan) for plan in plans]
    in_the_air, down = [await run("plan", "end", PLAN, at=target) for _ in plans]
    assert "land at once" in in_the_air.out + in_the_air.err
    assert "land at once" not in down.out + down.err


async def test_officers_comment_on_a_case_and_read_what_others_said(run: Run, services: Scripted, target: str) -> None:
    said = approvals_pb2.ApprovalComment(authority="authorities/tower", officer="ada", text="runway 3 is closed")
    services.answers["CommentApproval"] = [approvals_pb2.CommentApprovalResponse(comment=said)]
    services.answers["ListApprovalComments"] = [approvals_pb2.ListApprovalCommentsResponse(comments=[said])]
    assert (await run("approvals", "comment", "a1", said.text, at=target)).code == 0
    (request,) = services.requests["CommentApproval"]
    assert (request.name, request.text) == ("approvals/a1", said.text)
    assert said.text in (await run("approvals", "comments", "a1", at=target)).out
