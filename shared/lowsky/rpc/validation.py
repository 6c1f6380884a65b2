"""Checks the rules of the protos: each violation becomes a field violation of the error."""

from __future__ import annotations

from collections.abc import Iterable

import protovalidate
from google.protobuf.message import Message

from lowsky.errors import FieldViolation, Invalid
from lowsky.rpc.wellformed import KEY_CHARS_SHOWN, VIOLATIONS_NAMED_MAX, malformed

COLLECTED_BYTES_MAX = 2_048
"""Up to this size, all violations of a request are collected: what a person types has several faults at once. A
violation costs 20 µs, and two bytes can cause one, so that a larger request could block the event loop: for it only the
first violation is searched."""

_validator = protovalidate.Validator()

_EMPTY = "_empty"
"""End of the rules that a format (`string.uuid`) breaks into for an empty text."""

_CALLED = {"string.uuid_empty": "a UUID", "string.email_empty": "an e-mail address"}


def validate(message: Message, *, within: str = "", output_allowed: bool = False) -> None:
    """Checks a message against its rules.

    Args:
        within: Path of the message in the request, prefixed to the paths of its fields.
        output_allowed: Whether output-only fields may be set, as in a stored resource.

    Raises:
        Invalid: With the invalid fields: all of a small request, at least one of a large one.
    """
    # The rules would raise errors on values that are not even well-formed.
    violations = malformed(message, within, output_allowed=output_allowed)
    if not violations:
        violations = _broken_rules(message, f"{within}." if within else "")
    if not violations:
        return
    fields = violations[:VIOLATIONS_NAMED_MAX]
    more = len(violations) - len(fields)
    first = fields[0]
    message_text = f"{first.field}: {first.message}" + (
        f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
    )
    raise Invalid(
        "INVALID_FIELD", message_text, fields=fields, metadata={"more_violations": str(more)} if more else None
    )


def _broken_rules(message: Message, prefix: str) -> list[FieldViolation]:
    violations = _validator.collect_violations(message, fail_fast=True)
    if violations and message.ByteSize() <= COLLECTED_BYTES_MAX:
        violations = _validator.collect_violations(message)
    return [
        FieldViolation(prefix + _path(v.proto.field.elements if v.proto.field else ()), _text(v)) for v in violations
    ]


def _text(violation: protovalidate.Violation) -> str:
    """Says what to do. An empty text or list, and an enum that is zero, is a field that was not set; a number that is
    zero may have been."""
    rule, value, text = violation.proto.rule_id, violation.field_value, violation.proto.message
    if rule == "required":
        return "is required"
    if _is_unset(rule, value):
        limit = violation.rule_value
        if rule.endswith(_EMPTY):
            return f"is required: {_CALLED.get(rule, rule.partition('.')[2].removesuffix(_EMPTY))}"
        if rule == "string.pattern":
            return f"is required, and must match `{limit}`"
        if rule == "repeated.min_items" and limit > 1:
            return f"is required: at least {limit} items"
        return "is required"
    return text.replace("item(s)", "items").replace("regex pattern", "the pattern")


def _is_unset(rule: str, value: object) -> bool:
    return not value and (isinstance(value, str | bytes) or rule.startswith(("repeated.", "map.", "enum.")))


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
