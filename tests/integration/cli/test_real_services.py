"""The command and the client against real services and a real Kafka."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest_asyncio

from lowsky.api.registration.v1 import operators_pb2
from lowsky.client import Client, Endpoints, NotFound
from lowsky.client.retries import RetryPolicy
from lowsky.events import topics
from tests.support.installation import Installation

USCC = "9144030071526726XG"
REGISTRAR = {"roles": ["registrar"]}
ACME = {"roles": ["operator"], "operator": "operators/acme"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def registration(installation: Installation) -> Installation:
    await installation.start("registration")
    return installation


async def run(installation: Installation, folder: Path, *arguments: str, **claims: Any) -> tuple[int, str, str]:
    """Runs `lowsky` as somebody with these claims."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LOWSKY_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "lowsky.cli.main", *arguments),
        cwd=folder,
        env={
            **inherited,
            "LOWSKY_REGISTRATION": installation.address("registration"),
            "LOWSKY_KAFKA_BOOTSTRAP": installation.kafka.bootstrap,
            "LOWSKY_TOPIC_PREFIX": installation.kafka.prefix,
            "LOWSKY_TOKEN": installation.token(**claims),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, out.decode(), err.decode()


async def test_an_operator_is_registered_verified_and_seen_in_the_events(
    registration: Installation, tmp_path: Path
) -> None:
    create = ["operators", "create", "--id", "acme", "--display-name", "Acme", "--contact", "Li"]
    create += ["--identifier", f"cn-uscc:{USCC}"]
    code, out, err = await run(registration, tmp_path, *create, "-o", "json", **REGISTRAR)
    assert code == 0, err
    assert json.loads(out)["state"] == "STATE_APPLIED"
    code, out, err = await run(registration, tmp_path, "operators", "verify", "acme", **REGISTRAR)
    assert code == 0, err
    assert "VERIFIED" in out
    code, _, err = await run(registration, tmp_path, *create, **REGISTRAR)
    assert code == 6, err
    code, _, err = await run(registration, tmp_path, "operators", "verify", "acme", **ACME)
    assert (code, "ROLE_MISSING" in err) == (5, True)
    register = ("aircraft", "register", "--operator", "acme", "--id", "d1", "--serial", "x", "--manufacturer", "M")
    masses = ("--model", "X", "--empty-mass", "3", "--max-takeoff-mass", "8", "--max-speed", "20")
    code, _, err = await run(registration, tmp_path, *register, *masses, **ACME)
    assert (code, "MALFORMED_IDENTIFIER" in err) == (3, True), err

    tail = ("events", "tail", "--topic", "operators", "--from-beginning", "--count", "2", "-o", "json")
    code, out, err = await run(registration, tmp_path, *tail)
    assert code == 0, err
    events = [json.loads(line) for line in out.splitlines()]
    assert [event["type"] for event in events] == ["lowsky.operator.created.v1", "lowsky.operator.verified.v1"]
    assert events[1]["data"]["operator"]["state"] == "STATE_VERIFIED"
    assert events[1]["subject"] == "operators/acme"


async def test_a_tail_may_end_where_the_topics_end(registration: Installation, tmp_path: Path) -> None:
    tail = ("events", "tail", "--from-beginning", "--no-follow", "--type", "lowsky.none.*")
    code, out, err = await run(registration, tmp_path, *tail)
    assert (code, out) == (0, ""), err
    code, _, err = await run(registration, tmp_path, "events", "tail", "--topic", "nothing")
    assert code == 4, err


PATIENT = RetryPolicy(tries_max=60)
"""A worker that starts on a busy machine takes longer than the usual tries."""


async def test_a_request_is_followed_by_its_correlation_id_and_survives_a_restart(registration: Installation) -> None:
    endpoints = Endpoints(registration=registration.address("registration"))
    async with Client(endpoints, registration.token(**REGISTRAR), tls=False, retry=PATIENT) as client:
        contact = operators_pb2.Contact(person_name="Li")
        operator = operators_pb2.Operator(
            display_name="B", kind=operators_pb2.Operator.KIND_PUBLIC_BODY, contact=contact
        )
        operator.identifiers.add(scheme="eu-operator-number", value="FIN87astrdge12k8-xyz")
        request = operators_pb2.CreateOperatorRequest(operator_id="beta", operator=operator)
        await registration.kill("registration")
        creating = asyncio.create_task(
            client.call(client.operators.CreateOperator, request, timeout_s=60, correlation_id="follow-me")
        )
        restarting = asyncio.create_task(registration.restart("registration"))
        made = (await creating).operator
        await restarting
        assert made.name == "operators/beta"
        missing = operators_pb2.GetOperatorRequest(name="operators/nobody")
        try:
            await client.call(client.operators.GetOperator, missing)
        except NotFound as error:
            assert error.reason == "NOT_FOUND"
        else:
            raise AssertionError("nobody was found")
    events = [event for event, _ in await registration.events(topics.OPERATORS) if event.key == "operators/beta"]
    assert [event.correlation_id for event in events] == ["follow-me"]
