"""The rules written in the protos, applied: one violation becomes one field at fault."""

from __future__ import annotations

from collections.abc import Iterable

import protovalidate
from google.protobuf.message import Message

from lowsky.errors import FieldViolation, Invalid
from lowsky.rpc.wellformed import KEY_CHARS_SHOWN, malformed

VIOLATIONS_MAX = 20
"""Enough to mend a request with; a thousand bad waypoints need not all be named."""

_validator = protovalidate.Validator()


def validate(message: Message, *, within: str = "") -> None:
    """Checks a message against its rules.

    Args:
        within: Path of the message in the request, put before the paths of its fields.

    Raises:
        Invalid: With each field at fault.
    """
    # What is not even well-formed is told alone: rules about it would fail instead of judging.
    violations = malformed(message, within) or _broken_rules(message, f"{within}." if within else "")
    if not violations:
        return
    fields = violations[:VIOLATIONS_MAX]
    more = len(violations) - len(fields)
    first = fields[0]
    message_text = f"{first.field}: {first.message}" + (
        f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
    )
    raise Invalid(
        "INVALID_FIELD", message_text, fields=fields, metadata={"more_violations": str(more)} if more else None
    )


def _broken_rules(message: Message, prefix: str) -> list[FieldViolation]:
    return [
        FieldViolation(prefix + _path(v.proto.field.elements if v.proto.field else ()), v.proto.message)
        for v in _validator.collect_violations(message)
    ]


def _path(elements: Iterable[protovalidate.FieldPathElementPb]) -> str:
    parts: list[str] = []
    for element in elements:
        subscript = element.subscript
        if subscript is None:
            parts.append(element.field_name)
        elif isinstance(subscript.value, str):
            parts.append(f'{element.field_name}["{subscript.value[:KEY_CHARS_SHOWN]}"]')
        else:
            parts.append(f"{element.field_name}[{subscript.value}]")
    return ".".join(parts)
