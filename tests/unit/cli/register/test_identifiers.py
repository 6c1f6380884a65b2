"""Identifiers in the command: what it sends of them, and that it repeats none."""

from __future__ import annotations

import pytest

from lowsky.api.registration.v1 import aircraft_pb2, identifiers_pb2
from tests.unit.cli.conftest import Run, Scripted

SERIAL = identifiers_pb2.Identifier(scheme="cta-2063-a", value="1AF49UL5CC5J6K")
REAL_NAME = identifiers_pb2.Identifier(scheme="cn-real-name-registration", value="UAS00000003")


async def test_an_identifier_without_a_scheme_is_refused_and_not_repeated(
    run: Run, services: Scripted, target: str
) -> None:
    create = ("operators", "create", "--display-name", "Acme", "--contact", "Li")
    for text in ("FIN87astrdge12k8-xyz", ":FIN87astrdge12k8-xyz", "eu-operator-number:"):
        ended = await run(*create, "--identifier", text, at=target)
        assert ended.code == 3
        assert "lowsky identifiers" in ended.err
        assert "xyz" not in ended.err + ended.out
    assert "CreateOperator" not in services.requests


async def test_an_aircraft_is_registered_with_its_serial_and_other_numbers(
    run: Run, services: Scripted, target: str
) -> None:
    made = aircraft_pb2.Aircraft(name="operators/acme/aircraft/d1", identifiers=[SERIAL])
    services.answers["RegisterAircraft"] = [aircraft_pb2.RegisterAircraftResponse(aircraft=made)]
    ended = await run(
        *("aircraft", "register", "--operator", "acme", "--serial", SERIAL.value, "--manufacturer", "M"),
        *("--identifier", "cn-real-name-registration:UAS00000003"),
        *("--model", "X", "--empty-mass", "3", "--max-takeoff-mass", "8", "--max-speed", "20"),
        at=target,
    )
    assert ended.code == 0, ended.err
    assert "cta-2063-a 1AF49UL5CC5J6K" in ended.out
    request = services.requests["RegisterAircraft"][0]
    assert list(request.aircraft.identifiers) == [SERIAL, REAL_NAME]


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (("--identifier", "cn-real-name-registration:UAS00000004"), [("cn-real-name-registration", "UAS00000004")]),
        (("--remove-identifier", "cn-real-name-registration"), []),
        (
            ("--identifier", "us-registration-mark:N1"),
            [("cn-real-name-registration", "UAS00000003"), ("us-registration-mark", "N1")],
        ),
    ],
)
async def test_an_identifier_is_added_replaced_and_removed_and_the_others_stay(
    run: Run, services: Scripted, target: str, options: tuple[str, ...], wanted: list[tuple[str, str]]
) -> None:
    now = aircraft_pb2.Aircraft(name="operators/acme/aircraft/d1", etag="7", identifiers=[SERIAL, REAL_NAME])
    services.answers["GetAircraft"] = [aircraft_pb2.GetAircraftResponse(aircraft=now)]
    services.answers["UpdateAircraft"] = [aircraft_pb2.UpdateAircraftResponse(aircraft=now)]
    ended = await run("aircraft", "update", "d1", "--operator", "acme", *options, at=target)
    assert ended.code == 0, ended.err
    request = services.requests["UpdateAircraft"][0]
    assert (request.aircraft.etag, list(request.update_mask.paths)) == ("7", ["identifiers"])
    given = [(one.scheme, one.value) for one in request.aircraft.identifiers]
    assert given == [(SERIAL.scheme, SERIAL.value), *wanted]


async def test_an_identifier_that_is_not_there_is_not_removed(run: Run, services: Scripted, target: str) -> None:
    now = aircraft_pb2.Aircraft(name="operators/acme/aircraft/d1", identifiers=[SERIAL])
    services.answers["GetAircraft"] = [aircraft_pb2.GetAircraftResponse(aircraft=now)]
    ended = await run("aircraft", "update", "d1", "--operator", "acme", "--remove-identifier", "x", at=target)
    assert (ended.code, "UpdateAircraft" in services.requests) == (3, False)


async def test_the_schemes_of_identifiers_are_shown_for_whom_they_are(
    run: Run, services: Scripted, target: str
) -> None:
    scheme = identifiers_pb2.IdentifierScheme
    schemes = [
        scheme(id="some-number", jurisdiction="XXX", holders=[scheme.HOLDER_ENTERPRISE], example="7", usable=True),
        scheme(id="some-mark", jurisdiction="XXX", holders=[scheme.HOLDER_AIRCRAFT], example="M-7", usable=True),
    ]
    answer = identifiers_pb2.ListIdentifierSchemesResponse(schemes=schemes)
    services.answers["ListIdentifierSchemes"] = [answer, answer]
    ended = await run("identifiers", at=target)
    assert all(text in ended.out for text in ("some-number", "some-mark", "M-7"))
    ended = await run("identifiers", "--for", "aircraft", "-o", "json", at=target)
    assert [one["id"] for one in ended.json["schemes"]] == ["some-mark"]
