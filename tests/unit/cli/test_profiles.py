"""What requests contain beside the route: from options, from the plan itself, and from a profile, in that order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.field_mask_pb2 import FieldMask

from lowsky.api.airspace.v1 import authorities_pb2
from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.registration.v1 import operators_pb2
from lowsky.client import InvalidArgument, read_profile
from lowsky.client.profiles import FIELDS, fill_from
from tests.unit.cli.conftest import Run, Scripted

PROFILE = """
purpose = "MEDICAL"
mode = "VLOS"
commercial = false
identification_technologies = ["NETWORK_REMOTE_ID", "ADS_B"]
emergency_procedure = "lands"
[[command_links]]
method = "CELLULAR"
frequency_mhz = 2600.0
bandwidth_mhz = 20
"""


@pytest.fixture
def profile(tmp_path: Path) -> str:
    path = tmp_path / "profile.toml"
    path.write_text(PROFILE)
    return str(path)


async def asked(run: Run, services: Scripted, target: str, folder: Path, *options: str, **said: Any) -> pb.FlightPlan:
    """The plan that is sent for a message and options."""
    plan = pb.FlightPlan(
        aircraft="operators/acme/aircraft/d1", trajectory=assessment_pb2.Trajectory(horizontal_buffer_m=30), **said
    )
    (folder / "flight.json").write_text(json_format.MessageToJson(plan))
    answer = pb.SubmitFlightPlanResponse(flight_plan=pb.FlightPlan(state=pb.STATE_APPROVED))
    services.answers.setdefault("SubmitFlightPlan", []).append(answer)
    ended = await run("plan", "submit", str(folder / "flight.json"), *options, at=target)
    assert ended.code == 0, ended.err
    request = services.requests["SubmitFlightPlan"][-1]
    assert isinstance(request, pb.SubmitFlightPlanRequest)
    return request.flight_plan


async def test_a_flight_is_commercial_unless_the_option_the_plan_or_the_profile_says_otherwise(
    run: Run, services: Scripted, target: str, tmp_path: Path, profile: str
) -> None:
    async def commercial(*options: str, **said: Any) -> bool:
        plan = await asked(run, services, target, tmp_path, *options, **said)
        assert plan.HasField("commercial")
        return plan.commercial

    assert await commercial()
    assert not await commercial("--non-commercial")
    assert not await commercial(commercial=False)
    assert not await commercial("--profile", profile)
    assert await commercial("--commercial", commercial=False)
    assert await commercial("--profile", profile, commercial=True)


async def test_a_profile_gives_what_neither_the_options_nor_the_plan_say(
    run: Run, services: Scripted, target: str, tmp_path: Path, profile: str
) -> None:
    given = ("--profile", profile, "--purpose", "survey")
    plan = await asked(run, services, target, tmp_path, *given, emergency_procedure="ditches")
    assert (plan.purpose, plan.mode) == (pb.FlightPlan.PURPOSE_SURVEY, pb.FlightPlan.MODE_VLOS)
    assert plan.emergency_procedure == "ditches"
    assert list(plan.identification_technologies) == [
        pb.IDENTIFICATION_TECHNOLOGY_NETWORK_REMOTE_ID,
        pb.IDENTIFICATION_TECHNOLOGY_ADS_B,
    ]
    assert [(link.method, link.bandwidth_mhz) for link in plan.command_links] == [(pb.CONNECTIVITY_METHOD_CELLULAR, 20)]


def test_a_list_that_a_plan_states_is_not_lengthened_by_the_profile(profile: str) -> None:
    plan = pb.FlightPlan(identification_technologies=[pb.IDENTIFICATION_TECHNOLOGY_OTHER])
    fill_from(plan, read_profile(profile))
    assert list(plan.identification_technologies) == [pb.IDENTIFICATION_TECHNOLOGY_OTHER]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('aircraft = "d1"', "aircraft is not a field of a profile"),
        ('mode = "BLOS"', "mode: 'BLOS' is not one of VLOS, BVLOS"),
        ('connectivity_methods = ["WIFI", "PIGEON"]', "connectivity_methods: 'PIGEON' is not one of"),
        ('[[command_links]]\nmethod = "LASER"', "method: 'LASER' is not one of"),
        ('[[command_links]]\ncolour = "red"', "colour"),
        ('commercial = "perhaps"', "commercial"),
        ("mode = ", "profile.toml"),
    ],
)
def test_a_profile_at_fault_is_refused_by_file_and_key(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "profile.toml"
    path.write_text(text)
    with pytest.raises(InvalidArgument) as refused:
        read_profile(path)
    assert "profile.toml" in str(refused.value)
    assert problem in str(refused.value)


def test_a_profile_has_fields_that_a_plan_has() -> None:
    assert set(FIELDS) <= {field.name for field in pb.FlightPlan.DESCRIPTOR.fields}


async def test_how_far_ahead_an_authority_takes_plans_is_changed_alone(
    run: Run, services: Scripted, target: str
) -> None:
    changed = authorities_pb2.Authority(name="authorities/tower", filing_horizon_days=90)
    services.answers["UpdateAuthority"] = [authorities_pb2.UpdateAuthorityResponse(authority=changed)]
    ended = await run("authorities", "update", "tower", "--filing-horizon", "90", at=target)
    assert (ended.code, "90 days ahead" in ended.out) == (0, True)
    request = services.requests["UpdateAuthority"][0]
    assert request.update_mask == FieldMask(paths=["filing_horizon_days"])
    assert request.authority.filing_horizon_days == 90
    assert (await run("authorities", "update", "tower", at=target)).code == 2


async def test_the_registrar_reads_what_an_operator_lacks_and_for_which_flights(
    run: Run, services: Scripted, target: str
) -> None:
    lacking = operators_pb2.MissingDocument(
        document=operators_pb2.MissingDocument.DOCUMENT_LIABILITY_INSURANCE,
        flights="commercial flights",
        jurisdiction="CHN",
        source="Art. 12",
    )
    operator = operators_pb2.Operator(name="operators/acme", missing_documents=[lacking])
    services.answers["VerifyOperator"] = [operators_pb2.VerifyOperatorResponse(operator=operator)]
    ended = await run("operators", "verify", "acme", at=target)
    said = " ".join(ended.out.split())
    assert "LIABILITY_INSURANCE is not stated; needed for commercial flights (CHN: Art. 12)" in said
