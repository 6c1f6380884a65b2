"""`lowsky zones import --format --mapping`: what a mapping file comes to, and what is wrong with one."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf import json_format

from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.client import InvalidArgument, read_mapping
from tests.unit.cli.conftest import Run, Scripted

MAPPING = """
identifier = "ID"
restriction = "TYPE"
name = { property = "name" }
authority = { constant = "Tower" }

[restriction_values]
"CTR" = "REQ_AUTHORIZATION"
"P" = "PROHIBITED"

[lower]
coordinates = true

[upper]
value = { property = "description", pattern = 'Top (?P<value>[0-9]+)' }
datum = { constant = "AMSL" }
unit = { constant = "FT" }
"""
LEAST = 'identifier = "ID"\nrestriction = { constant = "USPACE" }\n'
IMPORT = ("zones", "import", "zones.kmz", "--dataset", "at-austrocontrol", "--authority", "austrocontrol")


async def test_a_mapping_file_goes_with_its_file(run: Run, services: Scripted, target: str, tmp_path: Path) -> None:
    (tmp_path / "zones.kmz").write_bytes(b"PK")
    (tmp_path / "mapping.toml").write_text(MAPPING)
    services.answers["ImportGeozones"] = [pb.ImportGeozonesResponse()]
    ended = await run(*IMPORT, "--format", "kml", "--mapping", "mapping.toml", at=target)
    assert ended.code == 0, ended.err
    header = services.requests["ImportGeozones"][0][0].header
    assert header.format == pb.ZONE_FILE_FORMAT_KML
    assert json_format.MessageToDict(header.mapping) == {
        "identifier": {"property": "ID"},
        "restriction": {"property": "TYPE"},
        "name": {"property": "name"},
        "authority": {"constant": "Tower"},
        "restrictionValues": {"CTR": "RESTRICTION_REQ_AUTHORIZATION", "P": "RESTRICTION_PROHIBITED"},
        "lower": {"coordinates": True},
        "upper": {
            "value": {"property": "description", "pattern": "Top (?P<value>[0-9]+)"},
            "datum": {"constant": "AMSL"},
            "unit": {"constant": "FT"},
        },
    }


@pytest.mark.parametrize(
    "options",
    [
        ("--format", "kml"),
        ("--mapping", "mapping.toml"),
        ("--format", "shape", "--mapping", "mapping.toml"),
        ("--format", "kml", "--mapping", "none-such.toml"),
        ("--format", "kml", "--mapping", "zones.kmz"),
    ],
)
async def test_options_that_cannot_be_used_send_nothing(
    run: Run, services: Scripted, target: str, tmp_path: Path, options: tuple[str, ...]
) -> None:
    (tmp_path / "zones.kmz").write_bytes(b"PK\xff")
    (tmp_path / "mapping.toml").write_text(MAPPING)
    ended = await run(*IMPORT, *options, at=target)
    assert ended.code != 0
    assert "Traceback" not in ended.err
    assert not services.requests


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("identifier = ", "Invalid value"),
        ('identifier = "ID"', "restriction is missing"),
        (LEAST + 'colour = "X"', "colour is not a field of a zone"),
        (LEAST + "name = 5", "name must be the name of a property"),
        (LEAST + 'name = { constant = "a", property = "b" }', "name must be the name of a property"),
        (LEAST + 'upper = "TOP"', "upper must be a table of value or coordinates, datum and unit"),
        (LEAST + '[upper]\nvalue = "TOP"\ndatum = 7', "upper.datum must be the name of a property"),
        (LEAST + '[upper]\nunit = "TOP"', "upper must have either a value or coordinates = true"),
        (LEAST + '[upper]\nvalue = "TOP"\ncoordinates = true', "upper must have either a value or coordinates = true"),
        (LEAST + "[upper]\ncoordinates = false", "upper must have either a value or coordinates = true"),
        (LEAST + 'name = { property = "a", pattern = "x" }', "name.pattern has no group"),
        (LEAST + 'name = { constant = "a", pattern = "(?P<value>x)" }', "name must be the name of a property"),
        (LEAST + '[restriction_values]\nCTR = "FORBIDDEN"', "is 'FORBIDDEN', which is not one of PROHIBITED"),
        (LEAST + "restriction_values = []", "restriction_values must be a table"),
        ("#" * 2**20 + "\n", "at most"),
    ],
)
def test_a_faulty_mapping_file_is_told_what_is_wrong(tmp_path: Path, written: str, said: str) -> None:
    (tmp_path / "mapping.toml").write_text(written)
    with pytest.raises(InvalidArgument, match=said) as caught:
        read_mapping(tmp_path / "mapping.toml")
    assert caught.value.reason == "UNREADABLE_FILE"
