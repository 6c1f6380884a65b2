"""Loads a file as a JSON object: size, format and nesting are checked before the contents are used."""

import json
import os
import re
from pathlib import Path

from lowsky.missions.errors import UnreadableMission
from lowsky.text_files import NotText, decode

# A survey over a city is under 1 MiB; anything larger is not a mission and would cost memory on an operator's laptop.
FILE_SIZE_MAX_BYTES = 5 * 1024 * 1024
# A plan nests about 8 deep (complex items, polygons); the JSON parser recurses.
DEPTH_MAX = 32
SUPPORTED = "QGroundControl .plan (fileType Plan, version 1)"
_OTHER_SUFFIXES = frozenset(
    {".mission", ".waypoints", ".kml", ".kmz", ".wpml", ".geojson", ".gpx", ".csv", ".zip", ".pln", ".xml"}
)
# A string is one token, closed or not, so that a bracket inside it does not count.
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)


def load(source: str | os.PathLike[str] | bytes, filename: str | None) -> dict[str, object]:
    """Read the bytes, refuse other formats, and return the top-level JSON object of a `.plan` file."""
    if isinstance(source, bytes):
        data, name = source, filename or ""
        _check_suffix(name)
    else:
        name = filename or os.fspath(source)
        _check_suffix(name)
        data = _read_file(Path(source))
    if len(data) > FILE_SIZE_MAX_BYTES:
        raise UnreadableMission("FILE_TOO_LARGE", f"the file is larger than {FILE_SIZE_MAX_BYTES // 1024 // 1024} MiB")
    text = _decode(data)
    _check_depth(text)
    return _check_plan(_parse(text))


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(FILE_SIZE_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise UnreadableMission("FILE_UNREADABLE", f"the file cannot be opened: {error}") from error


def _unsupported(what: str, field: str | None = None) -> UnreadableMission:
    return UnreadableMission("UNSUPPORTED_FORMAT", f"{what}; supported: {SUPPORTED}", field=field)


def _check_suffix(name: str) -> None:
    suffix = Path(name).suffix.lower()
    if suffix in _OTHER_SUFFIXES:
        raise _unsupported(f"{suffix} files are not read")


def _decode(data: bytes) -> str:
    if data.startswith(b"PK\x03\x04"):
        raise _unsupported("this is a zip archive (KMZ or WPML)")
    try:
        text = decode(data)
    except NotText as error:
        raise UnreadableMission("NOT_UTF8", str(error)) from error
    start = text.lstrip()[:8]
    if not start:
        raise UnreadableMission("EMPTY_FILE", "the file is empty")
    if start.startswith("QGC WPL"):
        raise _unsupported("this is a QGC WPL waypoint list")
    if start.startswith("<"):
        raise _unsupported("this is XML (KML or WPML)")
    return text


def _check_depth(text: str) -> None:
    """Count open brackets outside strings, so that deep nesting never reaches the recursive parser."""
    depth = 0
    for token in _STRING_OR_BRACKET.finditer(text):
        first = token.group()[0]
        if first in "[{":
            depth += 1
            if depth > DEPTH_MAX:
                raise UnreadableMission("NESTED_TOO_DEEP", f"the JSON nests deeper than {DEPTH_MAX} levels")
        elif first in "]}":
            depth -= 1


def _parse(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except UnreadableMission:
        raise
    except json.JSONDecodeError as error:
        raise UnreadableMission("NOT_JSON", f"not JSON at line {error.lineno}: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise UnreadableMission("NOT_JSON", "not JSON: a number has too many digits") from error


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse duplicate keys, which two readers may interpret differently."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise UnreadableMission("DUPLICATE_KEY", "an object has the same key twice")
    return found


def _check_plan(document: object) -> dict[str, object]:
    if not isinstance(document, dict):
        raise _unsupported("the JSON is not an object")
    file_type, version = document.get("fileType"), document.get("version")
    if file_type is None and "items" in document:
        raise _unsupported("this is an old .mission file: open it in QGroundControl and save it as a plan", "fileType")
    if file_type != "Plan":
        raise _unsupported("the JSON is not of fileType Plan", "fileType")
    if isinstance(version, bool) or version != 1:
        raise UnreadableMission("WRONG_PLAN_VERSION", "the plan's version is not 1", field="version")
    return document
