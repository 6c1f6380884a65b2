"""Reads the identifier schemes from their data files: strictly, and once, when a service starts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lowsky.jurisdictions import loading
from lowsky.jurisdictions.checks import ALGORITHMS, is_calendar_date
from lowsky.jurisdictions.identifiers import (
    KEY_BYTES_MIN,
    Check,
    Holder,
    MalformedIdentifier,
    Scheme,
    Schemes,
    Scope,
)
from lowsky.jurisdictions.loading import BadJurisdictionData
from lowsky.jurisdictions.patterns import BadPattern, Pattern, pattern_of

KIND = "identifiers"

SCHEMES_MAX = 1_000
"""Of all jurisdictions: what one answer of ListIdentifierSchemes may hold."""
PATTERNS_MAX = 8
CHECKS_MAX = 8
MEMBERS_MAX = 1_000
TEXT_LENGTH_MAX = 500
"""Of a title, a form or a source."""

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_KEYS = {
    *("title", "holders", "patterns", "form", "example", "kept", "keyed_hash", "unique_within", "airframe", "unless"),
    *("source", "verified", "checks"),
}
_CHECK_KEYS = {"algorithm", "over", "against", "members", "message"}


def load(key: bytes = b"") -> Schemes:
    """The schemes of all jurisdictions; with the key of the digests that are kept of natural persons' numbers.

    Raises:
        BadJurisdictionData: A file breaks a rule; nothing is loaded.
    """
    return schemes_from(loading.tables(KIND), key)


def schemes_from(tables: Mapping[str, Mapping[str, Any]], key: bytes = b"") -> Schemes:
    """As load, from parsed files by jurisdiction.

    Raises:
        BadJurisdictionData
    """
    found: dict[str, Scheme] = {}
    waiting: list[tuple[str, str, Mapping[str, Any]]] = []
    for jurisdiction, table in tables.items():
        for name, entry in table.items():
            _require(isinstance(entry, Mapping), jurisdiction, name, "must be a table")
            waiting.append((jurisdiction, name, entry))
    _require(len(waiting) <= SCHEMES_MAX, "*", "", f"more than {SCHEMES_MAX} schemes")
    # Those that name others come after them; that no two name each other follows.
    for jurisdiction, name, entry in sorted(waiting, key=lambda item: "unless" in item[2]):
        reader = _Reader(jurisdiction, name, entry)
        _require(name not in found, jurisdiction, name, "there is another scheme of this id")
        found[name] = reader.scheme(found)
    return Schemes(list(found.values()), key)


def _require(holds: bool, jurisdiction: str, key: str, problem: str) -> None:
    if not holds:
        raise BadJurisdictionData(jurisdiction, KIND, key, problem)


class _Reader:
    """One table of a file."""

    def __init__(self, jurisdiction: str, name: str, entry: Mapping[str, Any]) -> None:
        self._jurisdiction, self._name, self._entry = jurisdiction, name, entry

    def scheme(self, known: Mapping[str, Scheme]) -> Scheme:
        self._need(_ID.fullmatch(self._name) is not None and len(self._name) <= 63, "", "is no id of a scheme")
        self._need(set(self._entry) <= _KEYS, "", f"unknown keys: {', '.join(sorted(set(self._entry) - _KEYS))}")
        patterns = tuple(self._pattern(text) for text in self._texts("patterns", 1, PATTERNS_MAX))
        unless = self._texts("unless", 0, 10)
        self._need(set(unless) <= set(known), "unless", "names a scheme that is not there, or names others itself")
        scheme = Scheme(
            id=self._name,
            jurisdiction=self._jurisdiction,
            title=self._text("title"),
            holders=frozenset(self._choice("holders", Holder, text) for text in self._texts("holders", 1, len(Holder))),
            form=self._text("form"),
            example=self._text("example"),
            patterns=patterns,
            checks=tuple(self._check(n, item, patterns) for n, item in enumerate(self._checks())),
            kept=tuple(self._texts("kept", 0, 10)),
            keyed_hash=self._flag("keyed_hash"),
            scope=self._choice("unique_within", Scope, self._entry.get("unique_within", Scope.EVERYWHERE)),
            airframe=self._flag("airframe"),
            unless=tuple(known[name] for name in unless),
            source=self._text("source"),
            verified=self._flag("verified", required=True),
        )
        self._agree(scheme)
        return scheme

    def _agree(self, scheme: Scheme) -> None:
        """What holds between keys, and that the scheme accepts its own example."""
        of_aircraft = Holder.AIRCRAFT in scheme.holders
        self._need(not of_aircraft or len(scheme.holders) == 1, "holders", "aircraft share no scheme with operators")
        self._need(of_aircraft or not scheme.airframe, "airframe", "operators have no airframe")
        self._need(of_aircraft or scheme.scope is Scope.EVERYWHERE, "unique_within", "operators have no manufacturer")
        # An update of an aircraft sends its numbers back as they are shown: they must be complete.
        self._need(
            not of_aircraft or not (scheme.kept or scheme.keyed_hash), "kept", "numbers of aircraft are kept as a whole"
        )
        self._need(not (scheme.kept and scheme.keyed_hash), "kept", "contradicts keyed_hash")
        for pattern in scheme.patterns:
            names = [name for name in pattern.groups if name in scheme.kept]
            self._need(names == list(scheme.kept), "kept", "must name groups of each pattern, in their order")
        try:
            scheme.stored(scheme.example, bytes(KEY_BYTES_MIN))
        except MalformedIdentifier as error:
            self._need(False, "example", error.message)

    def _pattern(self, text: str) -> Pattern:
        try:
            return pattern_of(text)
        except BadPattern as error:
            raise BadJurisdictionData(self._jurisdiction, KIND, f"{self._name}.patterns", str(error)) from None

    def _checks(self) -> Sequence[Mapping[str, Any]]:
        items = self._entry.get("checks", [])
        self._need(isinstance(items, list) and len(items) <= CHECKS_MAX, "checks", f"a list of up to {CHECKS_MAX}")
        return [dict(item) for item in items]

    def _check(self, number: int, item: Mapping[str, Any], patterns: Sequence[Pattern]) -> Check:
        inner = _Reader(self._jurisdiction, f"{self._name}.checks[{number}]", item)
        inner._need(set(item) <= _CHECK_KEYS, "", f"unknown keys: {', '.join(sorted(set(item) - _CHECK_KEYS))}")
        over = tuple(inner._texts("over", 1, 10))
        for pattern in patterns:
            inner._need(set(over) <= set(pattern.groups), "over", "must name groups of each pattern")
        algorithm, message = inner._text("algorithm"), inner._text("message")
        if algorithm == "member":
            members = frozenset(inner._texts("members", 1, MEMBERS_MAX))
            return Check("UNKNOWN_CODE", message, lambda parts: _joined(parts, over) in members)
        if algorithm == "calendar-date":
            return Check("NO_DATE", message, lambda parts: is_calendar_date(_joined(parts, over)))
        inner._need(algorithm in ALGORITHMS, "algorithm", f"must be member, calendar-date or one of {list(ALGORITHMS)}")
        against = inner._text("against")
        for pattern in patterns:
            inner._fits(algorithm, pattern, over, against)
        return Check("WRONG_CHECK_DIGIT", message, _agrees(ALGORITHMS[algorithm].compute, over, against))

    def _fits(self, algorithm: str, pattern: Pattern, over: Sequence[str], against: str) -> None:
        """The algorithm can work on all that the pattern lets pass."""
        self._need(against in pattern.groups, "against", "must name a group of each pattern")
        known, groups = ALGORITHMS[algorithm], [pattern.groups[name] for name in over]
        for group in groups:
            fits = not known.alphabet or group.characters <= set(known.alphabet)
            self._need(fits, "over", f"{group.name} may hold characters that {algorithm} does not know")
        least, most = sum(g.length_min for g in groups), sum(g.length_max for g in groups)
        self._need(
            known.length_min <= least and most <= known.length_max,
            "over",
            f"{algorithm} works on {known.length_min} to {known.length_max} characters, not {least} to {most}",
        )

    def _text(self, key: str) -> str:
        value = self._entry.get(key)
        self._need(
            isinstance(value, str) and 0 < len(value) <= TEXT_LENGTH_MAX, key, "must be a text that is not empty"
        )
        return str(value)

    def _texts(self, key: str, least: int, most: int) -> list[str]:
        value = self._entry.get(key, [])
        fits = isinstance(value, list) and all(isinstance(item, str) and item for item in value)
        self._need(fits and least <= len(value) <= most, key, f"must be a list of {least} to {most} texts")
        self._need(len(set(value)) == len(value), key, "a text stands twice")
        return list(value)

    def _flag(self, key: str, *, required: bool = False) -> bool:
        value = self._entry.get(key, None if required else False)
        self._need(isinstance(value, bool), key, "must be true or false")
        return bool(value)

    def _choice(self, key: str, choices: Any, text: object) -> Any:
        self._need(text in list(choices), key, f"must be one of {', '.join(choices)}")
        return choices(text)

    def _need(self, holds: bool, key: str, problem: str) -> None:
        _require(holds, self._jurisdiction, f"{self._name}.{key}" if key else self._name, problem)


def _joined(parts: Mapping[str, str], names: Sequence[str]) -> str:
    return "".join(parts[name] or "" for name in names)


def _agrees(compute: Callable[[str], str], over: Sequence[str], against: str) -> Callable[[Mapping[str, str]], bool]:
    return lambda parts: compute(_joined(parts, over)) == parts[against]
