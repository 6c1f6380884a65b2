"""Reads messages in protobuf JSON as people write them, and explains why one cannot be read: path, fault, and expected
value."""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

from google.protobuf import json_format
from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from lowsky.cli.problems import Problem, invalid

DEPTH_MAX = 50
FAULTS_MAX = 20
"""Number of faults shown: enough to correct a file."""
SHOWN_CHARS = 60
"""Number of characters shown of a given value."""

_Kind = TypeVar("_Kind", bound=Message)

_TIME = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)[Tt ](?P<minutes>\d\d:\d\d)(?P<seconds>:\d\d)?(?P<fraction>\.\d+)?"
    r"(?P<zone>[Zz]|[+-]\d\d:\d\d)?",
    re.ASCII,
)
"""RFC 3339, 5.6; the parts that people omit are optional."""
_DURATION = re.compile(r"-?(?P<seconds>\d+)(\.\d{1,9})?s", re.ASCII)
DURATION_SECONDS_MAX = 315_576_000_000
"""10 000 years, as in google/protobuf/duration.proto."""
_AS_A_TIME = "write it as 2026-11-25T09:00:00Z or 2026-11-25T09:00:00+08:00"
_AS_A_DURATION = 'write seconds with an s, as in "90s"'

_INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT32,
    FieldDescriptor.CPPTYPE_UINT64,
}
_FLOATS = {FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT}


class Fault(NamedTuple):
    """An invalid value: its path as written, and what is wrong and expected."""

    field: str
    message: str


def json_of(text: str) -> Any:
    """Parses a JSON text.

    Raises:
        ValueError: It is not JSON.
        RecursionError: It is nested too deeply.
        Problem: DUPLICATE_FIELD: a name has two values, of which readers may use either.
    """
    return json.loads(text, object_pairs_hook=_unique)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise invalid("DUPLICATE_FIELD", "an object has the same field twice")
    return found


def parsed(document: Any, kind: type[_Kind], reason: str, what: str) -> _Kind:
    """Converts a JSON document to a message.

    Args:
        reason: Reason of the problem, unless it has its own.
        what: What the problem calls the document.

    Raises:
        Problem: With each invalid field.
    """
    try:
        return json_format.ParseDict(document, kind(), max_recursion_depth=DEPTH_MAX)
    except RecursionError:
        raise invalid(reason, f"{what} nests too deep") from None
    except (json_format.ParseError, ValueError, TypeError, AttributeError, ArithmeticError) as error:
        faults: list[Fault] = []
        try:
            mended = _mended(document, kind.DESCRIPTOR, "", faults)
            if not faults and mended != document:  # times in lower case, which protobuf does not take
                return json_format.ParseDict(mended, kind(), max_recursion_depth=DEPTH_MAX)
        except RecursionError:
            raise invalid(reason, f"{what} nests too deep") from None
        except (json_format.ParseError, ValueError, TypeError, AttributeError, ArithmeticError):
            pass  # the first error of protobuf is enough
        raise _problem(faults or [Fault("", _in_one_line(str(error)))], reason, what) from None


def _problem(faults: list[Fault], reason: str, what: str) -> Problem:
    first = faults[0]
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    problem = invalid(reason, f"{what}: {first.field}{': ' if first.field else ''}{first.message}{more}")
    problem.fields = [fault._asdict() for fault in faults[:FAULTS_MAX] if fault.field]
    return problem


def time_fault(text: str) -> str:
    """Why a string is not a time (RFC 3339), which may be in lower case; empty if it is one."""
    match = _TIME.fullmatch(text)
    if match is None:
        return f"is not a time: {_AS_A_TIME}"
    if match["zone"] is None:
        return "has no time zone: add Z (UTC), or an offset as in +08:00"
    if match["seconds"] is None:
        return f"has no seconds: {_AS_A_TIME}"
    if match["fraction"] and len(match["fraction"]) > 10:
        return "is more precise than nanoseconds: leave digits out"
    try:
        datetime.fromisoformat(
            f"{match['date']}T{match['minutes']}{match['seconds']}{match['zone'].upper()}"
        ).astimezone(UTC)
    except ValueError:
        return f"is not an existing time: {_AS_A_TIME}"
    except OverflowError:
        return "must lie between the years 1 and 9999, in UTC"
    return ""


def _mended(value: Any, kind: Any, path: str, faults: list[Fault]) -> Any:
    """The document with its times in upper case; invalid values are added to faults.

    Args:
        kind: The descriptor of the message.
    """
    match kind.full_name:
        case "google.protobuf.Timestamp":
            return _time(value, path, faults)
        case "google.protobuf.Duration":
            match = _DURATION.fullmatch(value) if isinstance(value, str) else None
            if match is None:
                faults.append(Fault(path, f"{_shown(value)} is no duration: {_AS_A_DURATION}"))
            elif len(match["seconds"].lstrip("0")) > len(str(DURATION_SECONDS_MAX)) or (
                int(match["seconds"]) > DURATION_SECONDS_MAX
            ):
                faults.append(Fault(path, f"{_shown(value)} is longer than 10 000 years"))
            return value
        case "google.protobuf.FieldMask":
            return value
    if not isinstance(value, dict):
        faults.append(Fault(path, f"{_shown(value)} is given, a JSON object is expected"))
        return value
    known = {name: field for field in kind.fields for name in (field.name, field.json_name)}
    mended = {}
    for name, inner in value.items():
        field = known.get(name)
        within = f"{path}.{name}" if path else str(name)
        if field is None:
            faults.append(
                Fault(within, f"there is no such field: {_alike(str(name), [f.json_name for f in kind.fields])}")
            )
        elif inner is not None:
            mended[name] = _field(inner, field, within, faults)
    return mended


def _field(value: Any, field: FieldDescriptor, path: str, faults: list[Fault]) -> Any:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        if isinstance(value, dict):
            entry = field.message_type.fields_by_name["value"]
            return {key: _single(inner, entry, f"{path}[{json.dumps(key)}]", faults) for key, inner in value.items()}
        faults.append(Fault(path, f"{_shown(value)} is given, a JSON object is expected"))
    elif not field.is_repeated:
        return _single(value, field, path, faults)
    elif isinstance(value, list):
        return [_single(one, field, f"{path}[{n}]", faults) for n, one in enumerate(value)]
    else:
        faults.append(Fault(path, f"{_shown(value)} is given, a list in [ ] is expected"))
    return value


def _single(value: Any, field: FieldDescriptor, path: str, faults: list[Fault]) -> Any:
    if field.message_type is not None:
        return _mended(value, field.message_type, path, faults)
    if fault := next(_scalar_faults(value, field), ""):
        faults.append(Fault(path, f"{_shown(value)} {fault}"))
    return value


def _scalar_faults(value: Any, field: FieldDescriptor) -> Iterator[str]:
    if field.enum_type is not None:
        yield from _enum_faults(value, field.enum_type)
    elif field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        if not isinstance(value, bool):
            yield "is given, true or false is expected"
    elif field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        if not isinstance(value, str):
            yield "is given, a text in quotes is expected"
        elif any("\ud800" <= character <= "\udfff" for character in value):
            yield "is no Unicode text: it holds half of a surrogate pair"
    elif field.cpp_type in _FLOATS | _INTEGERS:
        number = _number(value)
        if number is None or not math.isfinite(number):
            yield "is no finite number"
        elif field.cpp_type in _INTEGERS and number != int(number):
            yield "is no whole number"


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)  # protobuf takes numbers as texts too
    except (ValueError, OverflowError):
        return None


def _enum_faults(value: Any, enum: EnumDescriptor) -> Iterator[str]:
    names = [one.name for one in enum.values]
    if isinstance(value, str):
        if value not in names:
            yield f"is not known: {_alike(value, names)}"
    elif isinstance(value, bool) or not isinstance(value, int):
        yield f"is given, a name is expected: {_alike('', names)}"


def _time(value: Any, path: str, faults: list[Fault]) -> Any:
    if not isinstance(value, str):
        faults.append(Fault(path, f"{_shown(value)} is no time: {_AS_A_TIME}"))
        return value
    if fault := time_fault(value):
        faults.append(Fault(path, f"{_shown(value)} {fault}"))
    return value.upper().replace(" ", "T")


def _alike(given: str, known: list[str]) -> str:
    """A suggestion for a misspelt name, or else all known names."""
    meant = difflib.get_close_matches(given, known, n=1) or [
        name for name in known if given and name.endswith(f"_{given.upper().replace('-', '_')}")
    ]
    return f"did you mean {meant[0]}?" if meant else f"there are {', '.join(known)}"


def _shown(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False)
        text.encode()
    except (TypeError, ValueError):
        text = ascii(value)
    return text if len(text) <= SHOWN_CHARS else text[:SHOWN_CHARS] + "…"


def _in_one_line(text: str) -> str:
    return text.replace("\n", " ")[:500]
