"""Reads the identifier schemes from their data files: strictly, and once, at the start of a service."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from pathlib import Path

from lowsky.jurisdictions.rule_files import InvalidRules, Table, documents
from lowsky.registration.identifiers.check_characters import ALGORITHMS, is_calendar_date
from lowsky.registration.identifiers.identifier import (
    KEY_BYTES_MIN,
    Check,
    Holder,
    MalformedIdentifier,
    Scheme,
    Schemes,
    Scope,
)
from lowsky.registration.identifiers.identifier_patterns import BadPattern, Pattern, pattern_of

FILE_NAME = "identifiers.toml"

SCHEMES_MAX = 1_000
"""Over all jurisdictions: the limit of one response of ListIdentifierSchemes."""

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_ID_LENGTH_MAX = 63


def load(key: bytes = b"", folder: Path | None = None) -> Schemes:
    """The schemes of all jurisdictions.

    Args:
        key: Key of the digests that are stored instead of natural persons' numbers; empty: such numbers are refused.
        folder: The installation's own folder, whose files replace those shipped.

    Raises:
        InvalidRules: A file breaks a rule; nothing is loaded.
    """
    return schemes_from(documents(FILE_NAME, folder), key)


def schemes_from(files: Mapping[str, Table], key: bytes = b"") -> Schemes:
    """As load, from files by jurisdiction.

    Raises:
        InvalidRules
    """
    found: dict[str, Scheme] = {}
    waiting = [(jurisdiction, table) for jurisdiction, file in files.items() for table in _schemes_in(file)]
    # Schemes with "unless" are read last, so that those they name are known; a cycle is therefore impossible.
    for jurisdiction, table in sorted(waiting, key=lambda item: "unless" in item[1]):
        scheme = _scheme(jurisdiction, table, found)
        _require(scheme.id not in found, table.at("id"), f"there is another scheme {scheme.id}")
        found[scheme.id] = scheme
        _require(len(found) <= SCHEMES_MAX, table.where, f"more than {SCHEMES_MAX} schemes")
    return Schemes(list(found.values()), key)


def _schemes_in(file: Table) -> Sequence[Table]:
    tables = file.tables("schemes")
    file.end()
    return tables


def _scheme(jurisdiction: str, table: Table, known: Mapping[str, Scheme]) -> Scheme:
    patterns = [_pattern(table, text) for text in sorted(table.texts("patterns"))]
    source = table.source()
    scheme = Scheme(
        id=table.text("id"),
        jurisdiction=jurisdiction,
        title=table.text("title"),
        holders=frozenset(map(Holder, table.texts("holders", set(Holder)))),
        form=table.text("form"),
        example=table.text("example"),
        patterns=tuple(patterns),
        checks=tuple(_check(checked, patterns) for checked in table.tables("checks")),
        kept=_in_order(table.texts("kept"), table.at("kept"), patterns) if "kept" in table else (),
        keyed_hash="keyed_hash" in table and table.flag("keyed_hash"),
        scope=_scope(table),
        airframe="airframe" in table and table.flag("airframe"),
        unless=tuple(known[name] for name in sorted(table.texts("unless", set(known)))) if "unless" in table else (),
        source=source.text,
        verified=source.verified,
    )
    table.end()
    _agree(scheme, table)
    return scheme


def _agree(scheme: Scheme, table: Table) -> None:
    """Checks the conditions between keys, and that the scheme accepts its own example."""
    fits = len(scheme.id) <= _ID_LENGTH_MAX and _ID.fullmatch(scheme.id) is not None
    _require(fits, table.at("id"), "must be lower-case letters, digits and single dashes between them")
    of_aircraft = Holder.AIRCRAFT in scheme.holders
    if of_aircraft:
        _require(len(scheme.holders) == 1, table.at("holders"), "a scheme of aircraft cannot be one of operators too")
        # An update of an aircraft sends its numbers back as they are shown, so they must be complete.
        _require(not scheme.confidential, table.at("kept"), "numbers of aircraft must be stored as a whole")
    else:
        _require(not scheme.airframe, table.at("airframe"), "operators have no airframe")
        _require(scheme.scope is Scope.EVERYWHERE, table.at("unique_within"), "operators have no manufacturer")
    _require(not (scheme.kept and scheme.keyed_hash), table.at("kept"), "contradicts keyed_hash")
    try:
        scheme.stored(scheme.example, bytes(KEY_BYTES_MIN))
    except MalformedIdentifier as error:
        raise InvalidRules(table.at("example"), error.message) from None


def _pattern(table: Table, text: str) -> Pattern:
    try:
        return pattern_of(text)
    except BadPattern as error:
        raise InvalidRules(table.at("patterns"), str(error)) from None


def _scope(table: Table) -> Scope:
    if "unique_within" not in table:
        return Scope.EVERYWHERE
    text = table.text("unique_within")
    _require(text in set(Scope), table.at("unique_within"), f"must be one of {', '.join(Scope)}")
    return Scope(text)


def _check(table: Table, patterns: Sequence[Pattern]) -> Check:
    over = _in_order(table.texts("over"), table.at("over"), patterns)
    algorithm, message = table.text("algorithm"), table.text("message")
    if algorithm == "member":
        members = table.texts("members")
        check = Check("UNKNOWN_CODE", message, lambda parts: _joined(parts, over) in members)
    elif algorithm == "calendar-date":
        check = Check("NO_DATE", message, lambda parts: is_calendar_date(_joined(parts, over)))
    else:
        known = ", ".join(ALGORITHMS)
        _require(algorithm in ALGORITHMS, table.at("algorithm"), f"must be member, calendar-date or one of {known}")
        (against,) = _in_order([table.text("against")], table.at("against"), patterns)
        for pattern in patterns:
            _require_fit(algorithm, pattern, over, table.at("over"))
        check = Check("WRONG_CHECK_DIGIT", message, _agrees(ALGORITHMS[algorithm].compute, over, against))
    table.end()
    return check


def _require_fit(algorithm: str, pattern: Pattern, over: Sequence[str], where: str) -> None:
    """Requires that the algorithm accepts every text that the pattern allows."""
    known, groups = ALGORITHMS[algorithm], [pattern.groups[name] for name in over]
    for group in groups:
        fits = not known.alphabet or group.characters <= set(known.alphabet)
        _require(fits, where, f"{group.name} may contain characters that {algorithm} does not accept")
    least, most = sum(group.length_min for group in groups), sum(group.length_max for group in groups)
    allowed = f"{known.length_min} to {known.length_max}"
    fits = known.length_min <= least and most <= known.length_max
    _require(fits, where, f"{algorithm} takes {allowed} characters, not {least} to {most}")


def _in_order(names: Iterable[str], where: str, patterns: Sequence[Pattern]) -> tuple[str, ...]:
    """The named groups, in their order in the patterns: each must occur in every pattern, always in the same order."""
    wanted: Set[str] = set(names)
    orders = {tuple(name for name in pattern.groups if name in wanted) for pattern in patterns}
    _require(all(set(order) == wanted for order in orders), where, "must name groups of each pattern")
    _require(len(orders) == 1, where, "must be in the same order in each pattern")
    return orders.pop()


def _joined(parts: Mapping[str, str], names: Sequence[str]) -> str:
    return "".join(parts[name] for name in names)


def _agrees(compute: Callable[[str], str], over: Sequence[str], against: str) -> Callable[[Mapping[str, str]], bool]:
    return lambda parts: compute(_joined(parts, over)) == parts[against]


def _require(holds: bool, where: str, problem: str) -> None:
    if not holds:
        raise InvalidRules(where, problem)
