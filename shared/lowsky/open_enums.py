"""Values of enums that a later version added: they pass through, and nothing fails because of them.

While an installation is upgraded worker by worker, what a newer one stores and emits is read by older ones. In the
domain such a value is a member of its own, equal to no other; each use decides what it means, on the safe side. A value
from the wire is named by its number, and written again as that number.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Any, Protocol, TypeVar

Text = TypeVar("Text", bound=StrEnum)
Number = TypeVar("Number", bound=IntEnum)


class WireEnum(Protocol):
    """An enum of the contract; its stubs know only the values of this version."""

    def Name(self, number: Any) -> str: ...

    def Value(self, name: Any) -> Any: ...


def text_member(of: type[Text], value: str) -> Text:
    """The member with this value; a new one, which is in no list of members, where this version has none."""
    try:
        return of(value)
    except ValueError:
        unknown = str.__new__(of, value)
        unknown._name_ = unknown._value_ = value
        return unknown


def number_member(of: type[Number], value: int) -> Number:
    """The same of a number; it is compared with the others as numbers are."""
    try:
        return of(value)
    except ValueError:
        unknown = int.__new__(of, value)
        unknown._name_, unknown._value_ = str(value), value
        return unknown


def name_of(enum: WireEnum, number: int, prefix: str) -> str:
    """What a number of the wire is called, without the prefix that all have; one without a name by its digits."""
    try:
        return enum.Name(number).removeprefix(prefix)
    except ValueError:
        return str(number)


def known_name_of(enum: WireEnum, number: int, prefix: str) -> str:
    """The same; empty where the value is unspecified, or of a later version."""
    name = name_of(enum, number, prefix)
    return "" if name == "UNSPECIFIED" or name == str(number) else name


def number_of(enum: WireEnum, prefix: str, name: str) -> int:
    """The other way. Of a stored name that this version has no number for: 0, which is unspecified everywhere."""
    try:
        return int(enum.Value(f"{prefix}{name}"))
    except ValueError:
        return int(name) if name.removeprefix("-").isdecimal() else 0
