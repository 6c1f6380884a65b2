"""Mapping files: the meaning of the properties of a GeoJSON or KML file, as TOML."""

from __future__ import annotations

import tomllib
from pathlib import Path

from google.protobuf import json_format

from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.client.errors import InvalidArgument
from lowsky.text_files import decode

BYTES_MAX = 1024 * 1024
"""A thousand values take some 50 kB."""

_SOURCES = ("identifier", "restriction", "name", "authority", "contact", "message", "start", "end")
_LIMITS = ("lower", "upper")


def read_mapping(path: str | Path) -> pb.FieldMapping:
    """The mapping of a TOML file, whose keys are the fields of FieldMapping.

    A string names a property, which may be nested, as in UASZone.type; `{ property = "…", pattern = "…" }` extracts
    what the group `value` of an RE2 pattern matches; `{ constant = "…" }` is the same for every zone. A limit with
    `coordinates = true` is taken from the heights of the coordinates. Restrictions are named as in PROHIBITED.

    Raises:
        InvalidArgument: UNREADABLE_FILE, with the fault and its position.
    """
    with Path(path).open("rb") as file:
        data = file.read(BYTES_MAX + 1)
    try:
        if len(data) > BYTES_MAX:
            raise ValueError(f"a mapping file has at most {BYTES_MAX} bytes")
        return _message(tomllib.loads(decode(data)))
    except (
        ValueError,
        RecursionError,
        json_format.ParseError,
    ) as fault:  # TOML and UTF-8 raise ValueErrors
        raise InvalidArgument("UNREADABLE_FILE", f"{path}: {fault}") from None


def _message(written: dict[str, object]) -> pb.FieldMapping:
    known = (*_SOURCES, *_LIMITS, "restriction_values")
    for key in written:
        if key not in known:
            raise ValueError(f"{key} is not a field of a zone; the fields are: {', '.join(known)}")
    for key in ("identifier", "restriction"):
        if key not in written:
            raise ValueError(f"{key} is missing")
    whole: dict[str, object] = {key: _source(key, written[key]) for key in _SOURCES if key in written}
    for key in _LIMITS:
        if key in written:
            whole[key] = _limit(key, written[key])
    if "restriction_values" in written:
        whole["restriction_values"] = _restrictions(written["restriction_values"])
    return json_format.ParseDict(whole, pb.FieldMapping())


def _source(key: str, written: object) -> dict[str, str]:
    if isinstance(written, str) and written:
        return {"property": written}
    if isinstance(written, dict) and all(isinstance(value, str) and value for value in written.values()):
        if written.keys() in ({"property"}, {"constant"}):
            return dict(written)
        if written.keys() == {"property", "pattern"}:
            if "<value>" not in written["pattern"]:
                raise ValueError(f"{key}.pattern has no group (?P<value>…), which holds the value")
            return dict(written)
    example = "{ property = \"NAME\", pattern = 'Top (?P<value>[0-9]+)' }"
    raise ValueError(f'{key} must be the name of a property, as {key} = "NAME", {example} or {{ constant = "a text" }}')


def _limit(key: str, written: object) -> dict[str, object]:
    parts = ("value", "datum", "unit")
    if not isinstance(written, dict) or not written.keys() <= {*parts, "coordinates"}:
        raise ValueError(f"{key} must be a table of value or coordinates, datum and unit")
    if ("value" in written) is ("coordinates" in written) or written.get("coordinates", True) is not True:
        raise ValueError(f"{key} must have either a value or coordinates = true")
    limit: dict[str, object] = {part: _source(f"{key}.{part}", written[part]) for part in parts if part in written}
    return limit | ({"coordinates": True} if "coordinates" in written else {})


def _restrictions(written: object) -> dict[str, str]:
    if not isinstance(written, dict):
        raise ValueError('restriction_values must be a table, as in "CTR" = "REQ_AUTHORIZATION"')
    names = [name.removeprefix("RESTRICTION_") for name in pb.Restriction.keys()[1:]]
    for value, meant in written.items():
        if meant not in names:
            raise ValueError(f"restriction_values: {value!r} is {meant!r}, which is not one of {', '.join(names)}")
    return {value: f"RESTRICTION_{meant}" for value, meant in written.items()}
