r"""The patterns of identifiers: a small subset of regular expressions with bounded matching time.

A pattern is a sequence of items: a character or a class of characters (`[0-9A-HJ]`), each with an optional count
(`{4}`, `{1,15}`, `?`); items may be grouped by name (`(?P<country>[A-Z]{3})`), never nested. There are no alternatives,
no `*`, no `+`, no `.` and no `\d`: so a pattern has a maximum length, covers ASCII only, and, with VARIABLE_ITEMS_MAX
items of variable length, is matched within LENGTH_MAX² steps whatever the text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

LENGTH_MAX = 64
"""Maximum length of an identifier: that of the field in the contract."""

VARIABLE_ITEMS_MAX = 2
"""Maximum number of items of variable length: matching takes at most LENGTH_MAX to this power steps."""

_ITEM = r"(?:\[(?:[0-9A-Za-z](?:-[0-9A-Za-z])?|[./_])+-?\]|[0-9A-Za-z/_-])(?:\{\d{1,2}(?:,\d{1,2})?\}|\?)?"
_NAMED = re.compile(rf"\(\?P<(?P<name>[a-z][a-z_]*)>(?P<items>(?:{_ITEM})+)\)|(?P<bare>{_ITEM})")
_ONE_ITEM = re.compile(_ITEM)
_COUNT = re.compile(r"(?P<what>.+?)(?:\{(?P<least>\d+)(?:,(?P<most>\d+))?\}|(?P<optional>\?))?", re.DOTALL)


class BadPattern(ValueError):
    """The text is not a pattern of this language."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A named group, or one unnamed item."""

    name: str
    """Empty if it is unnamed."""
    source: str
    """Its regular expression."""
    characters: frozenset[str]
    length_min: int
    length_max: int


@dataclass(frozen=True)
class Pattern:
    """A valid pattern."""

    segments: tuple[Segment, ...]

    @property
    def length_min(self) -> int:
        return sum(segment.length_min for segment in self.segments)

    @property
    def length_max(self) -> int:
        return sum(segment.length_max for segment in self.segments)

    @property
    def groups(self) -> Mapping[str, Segment]:
        """The named segments, by name."""
        return {segment.name: segment for segment in self.segments if segment.name}

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        return re.compile("".join(segment.source for segment in self.segments))

    def parts(self, text: str) -> Mapping[str, str] | None:
        """The named parts of a text that matches as a whole; None if it does not match."""
        # The length is checked first, so that a long text is never matched.
        if not self.length_min <= len(text) <= self.length_max:
            return None
        match = self._regex.fullmatch(text)
        return None if match is None else match.groupdict()

    def only(self, names: Collection[str]) -> Pattern:
        """The same pattern with only these groups."""
        return Pattern(tuple(segment for segment in self.segments if segment.name in names))


def pattern_of(text: str) -> Pattern:
    """Reads a pattern.

    Raises:
        BadPattern: It uses something else, is too long, or has too many items of variable length.
    """
    segments: list[Segment] = []
    position = variable = 0
    while position < len(text):
        match = _NAMED.match(text, position)
        if match is None:
            raise BadPattern(f"character {position + 1}: expected a character, a class in [], or a named group")
        counted = [_counted(item) for item in _ONE_ITEM.findall(match["items"] or match["bare"])]
        variable += sum(least != most for _, least, most in counted)
        segments.append(
            Segment(
                match["name"] or "",
                match[0],
                frozenset().union(*(characters for characters, _, _ in counted)),
                sum(least for _, least, _ in counted),
                sum(most for _, _, most in counted),
            )
        )
        position = match.end()
    found = Pattern(tuple(segments))
    names = [segment.name for segment in segments if segment.name]
    if len(set(names)) < len(names):
        raise BadPattern("a group name occurs twice")
    if not 1 <= found.length_max <= LENGTH_MAX:
        raise BadPattern(f"matches up to {found.length_max} characters; 1 to {LENGTH_MAX} are allowed")
    if variable > VARIABLE_ITEMS_MAX:
        raise BadPattern(f"has {variable} items of variable length; {VARIABLE_ITEMS_MAX} are allowed")
    return found


def _counted(item: str) -> tuple[frozenset[str], int, int]:
    match = _COUNT.fullmatch(item)
    assert match is not None  # noqa: S101  # every match of _ITEM has this form
    what, least = match["what"], int(match["least"] or (0 if match["optional"] else 1))
    most = int(match["most"] or match["least"] or 1)
    if most < least or most == 0:
        raise BadPattern(f"{item}: the count must be at least 1 and not reversed")
    return _characters(what), least, most


def _characters(what: str) -> frozenset[str]:
    if not what.startswith("[") or what == "[":
        return frozenset(what)
    inside, position = what[1:-1], 0
    found: set[str] = set()
    while position < len(inside):
        if inside[position + 1 : position + 2] == "-" and position + 2 < len(inside):
            first, last = inside[position], inside[position + 2]
            if first > last:
                raise BadPattern(f"{what}: the range {first}-{last} is reversed")
            found.update(map(chr, range(ord(first), ord(last) + 1)))
            position += 3
        else:
            found.add(inside[position])
            position += 1
    return frozenset(found)
