"""The rules for identifiers of operators and aircraft: of known schemes, for the right kind of holder, at most one of
each scheme, and well-formed."""

from __future__ import annotations

from collections.abc import Sequence

from lowsky.errors import Invalid
from lowsky.registration.domain.operator import OperatorKind
from lowsky.registration.identifiers.identifier import Holder, Identifier, MalformedIdentifier, Scheme, Schemes

OPERATOR_FIELD = "operator.identifiers"
AIRCRAFT_FIELD = "aircraft.identifiers"

_HOLDERS = {
    OperatorKind.ENTERPRISE: Holder.ENTERPRISE,
    OperatorKind.PUBLIC_BODY: Holder.PUBLIC_BODY,
    OperatorKind.NATURAL_PERSON: Holder.NATURAL_PERSON,
}

Given = tuple[str, str]
"""The scheme's id and the number as typed: it may contain a secret, and is used only for the check."""


def of_operator(given: Sequence[Given], kind: OperatorKind, schemes: Schemes) -> tuple[Identifier, ...]:
    """The identifiers of a new operator in their stored form, ordered by scheme.

    Raises:
        Invalid: One is malformed, of an unknown scheme or not for this kind of operator, or two have the same scheme.
    """
    return _checked(given, _HOLDERS[kind], schemes, OPERATOR_FIELD, before={})


def of_aircraft(
    given: Sequence[Given], schemes: Schemes, *, before: Sequence[Identifier] = ()
) -> tuple[Identifier, ...]:
    """The identifiers of an aircraft in their stored form, ordered by scheme: of a new one, or to replace those that it
    had ``before``.

    Unchanged identifiers are not checked again: the rules may have become stricter since. Identifiers of the airframe
    may be added, but neither changed nor removed, since the aircraft is that airframe. The same applies to a number
    whose scheme is no longer known.

    Raises:
        Invalid: As for an operator; or none identifies the airframe, or one that does would change.
    """
    known = {identifier.scheme: identifier for identifier in before}
    kept = _checked(given, Holder.AIRCRAFT, schemes, AIRCRAFT_FIELD, before=known)
    for identifier in before:
        scheme = schemes.get(identifier.scheme)
        if identifier not in kept and (scheme is None or scheme.airframe):
            raise _invalid(
                AIRCRAFT_FIELD,
                f"the {identifier.scheme} identifies the airframe and cannot be changed; "
                "if it is wrong, retire the aircraft and register another one",
                "AIRFRAME_CHANGED",
                identifier.scheme,
            )
    if not before and not any(scheme.airframe for one in kept if (scheme := schemes.get(one.scheme))):
        able = ", ".join(scheme.id for scheme in schemes.all() if scheme.airframe)
        raise _invalid(AIRCRAFT_FIELD, f"one must identify the airframe: {able}", "AIRFRAME_MISSING")
    return kept


def _checked(
    given: Sequence[Given], holder: Holder, schemes: Schemes, field: str, *, before: dict[str, Identifier]
) -> tuple[Identifier, ...]:
    found: dict[str, Identifier] = {}
    for index, (scheme_id, text) in enumerate(given):
        at = f"{field}[{index}]"
        if scheme_id in found:
            raise Invalid.field(f"{at}.scheme", "there is another identifier of this scheme")
        earlier = before.get(scheme_id)
        if earlier is not None and earlier.value == text:
            found[scheme_id] = earlier
            continue
        scheme = _scheme(scheme_id, holder, schemes, f"{at}.scheme")
        try:
            found[scheme_id] = schemes.stored(scheme, text)
        except MalformedIdentifier as error:
            raise _invalid(f"{at}.value", error.message, error.reason, error.scheme) from None
    return tuple(found[scheme_id] for scheme_id in sorted(found))


def _scheme(scheme_id: str, holder: Holder, schemes: Schemes, field: str) -> Scheme:
    scheme = schemes.get(scheme_id)
    able = ", ".join(one.id for one in schemes.all() if holder in one.holders)
    if scheme is None:
        # The id is not repeated: a caller who mixes up the fields may have sent a number here.
        raise _invalid(field, f"unknown scheme; the schemes for {holder} are: {able}", "UNKNOWN_SCHEME")
    if holder not in scheme.holders:
        message = f"{scheme.id} is not a scheme for {holder}; the schemes for it are: {able}"
        raise _invalid(field, message, "WRONG_HOLDER", scheme.id)
    return scheme


def _invalid(field: str, message: str, problem: str, scheme: str = "") -> Invalid:
    metadata = {"problem": problem} | ({"scheme": scheme} if scheme else {})
    return Invalid.field(field, message, "MALFORMED_IDENTIFIER", **metadata)
