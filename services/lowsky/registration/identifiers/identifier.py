"""Identifiers of operators and aircraft: the schemes, by jurisdiction, and the stored form of a number.

Schemes are data (data/<jurisdiction>/identifiers.toml, read by schemes.py). Nothing is stripped, folded or upper-cased:
a surrounding space, a lower-case letter or a full-width digit is an error that the caller sees. What must not be stored
(a secret that proves possession, the number of a natural person) is neither in the result of `Scheme.stored` nor in the
message of an error.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from lowsky.registration.identifiers.identifier_patterns import Pattern

DIGEST_PREFIX: Final = "hmac-sha256:"
DIGEST_HEX_LENGTH: Final = 32
"""128 bits: enough that two numbers never collide, and that none can be recovered without the key."""

KEY_BYTES_MIN: Final = 32
"""Minimum length of the key of those digests: the output length of SHA-256 (RFC 2104, section 3)."""


class Holder(StrEnum):
    """Who or what bears an identifier: a kind of operator, or an aircraft."""

    ENTERPRISE = "enterprise"
    PUBLIC_BODY = "public-body"
    NATURAL_PERSON = "natural-person"
    AIRCRAFT = "aircraft"


class Scope(StrEnum):
    """Among which active holders a number is unique."""

    EVERYWHERE = "everywhere"
    MANUFACTURER = "manufacturer"


@dataclass(frozen=True, slots=True)
class Identifier:
    """A number in its stored form: checked, and without the parts that must not be stored."""

    scheme: str
    value: str
    scope: Scope = Scope.EVERYWHERE


class MalformedIdentifier(ValueError):
    """The text is not an identifier of the scheme.

    `reason` is one of WRONG_LENGTH, WRONG_FORM, SECRET_MISSING, NO_KEY, OF_ANOTHER_SCHEME, or that of the check that
    fails: WRONG_CHECK_DIGIT, UNKNOWN_CODE, NO_DATE. `message` never repeats the text: it may contain a secret.
    """

    def __init__(self, scheme: str, reason: str, message: str) -> None:
        super().__init__(f"{scheme}: {message}")
        self.scheme = scheme
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True)
class Check:
    """A condition on the parts of a number, beyond the pattern."""

    reason: str
    message: str
    holds: Callable[[Mapping[str, str]], bool]
    """Takes the named parts of a matching text."""


INTERNATIONAL: Final = "INT"
"""The folder of schemes that belong to no jurisdiction, such as legal entity identifiers and manufacturers' serial
numbers."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """A kind of number: who issues it, what it looks like, and how it is stored."""

    id: str
    """For example `eu-operator-number`: unique over all jurisdictions."""
    jurisdiction: str
    """ISO 3166-1 alpha-3, EU, or INT."""
    title: str
    holders: frozenset[Holder]
    form: str
    """What a number looks like, for people."""
    example: str
    """A valid number that belongs to no holder."""
    patterns: tuple[Pattern, ...]
    """A number matches one of these as a whole."""
    checks: tuple[Check, ...]
    kept: tuple[str, ...]
    """The named parts that are stored, in the order of the pattern; empty: the whole number."""
    keyed_hash: bool
    """Whether only a keyed hash is stored."""
    scope: Scope
    airframe: bool
    """Whether it identifies the airframe: stated at registration, and never changed afterwards."""
    unless: tuple[Scheme, ...]
    """A number of one of these schemes must be stated under that scheme instead, so that each has only one."""
    source: str
    """The standard and clause that define it."""
    verified: bool
    """Whether it was compared with its source; False: it is taken from secondary sources."""

    def stored(self, text: str, key: bytes = b"") -> str:
        """Checks a number as typed and returns its stored form.

        Args:
            key: Key of the keyed hash, at least KEY_BYTES_MIN; empty: this installation has no key.

        Raises:
            MalformedIdentifier
        """
        parts = self._parts(text)
        if parts is None:
            raise self._mismatch(text)
        for check in self.checks:
            if not check.holds(parts):
                raise MalformedIdentifier(self.id, check.reason, check.message)
        for other in self.unless:
            if other.accepts(text):
                raise self.belongs_to(other)
        if self.keyed_hash:
            return self._digest(text, key)
        return "".join(parts[name] for name in self.kept) if self.kept else text

    @property
    def confidential(self) -> bool:
        """Whether its numbers, or parts of them, must not be stored."""
        return bool(self.kept) or self.keyed_hash

    def belongs_to(self, other: Scheme) -> MalformedIdentifier:
        """The error for a number that belongs to another scheme."""
        message = f"this is a number of the scheme {other.id}: send it with that scheme"
        return MalformedIdentifier(self.id, "OF_ANOTHER_SCHEME", message)

    def accepts(self, text: str) -> bool:
        """Whether the text is a number of this scheme."""
        parts = self._parts(text)
        return parts is not None and all(check.holds(parts) for check in self.checks)

    def _parts(self, text: str) -> Mapping[str, str] | None:
        return next((found for pattern in self.patterns if (found := pattern.parts(text)) is not None), None)

    def _mismatch(self, text: str) -> MalformedIdentifier:
        if self.kept and any(pattern.only(self.kept).parts(text) is not None for pattern in self.patterns):
            message = "the secret part is missing: it is needed to verify the number, and is not stored"
            return MalformedIdentifier(self.id, "SECRET_MISSING", message)
        lengths = [(pattern.length_min, pattern.length_max) for pattern in self.patterns]
        if not any(least <= len(text) <= most for least, most in lengths):
            allowed = " or ".join(f"{a}" if a == b else f"{a} to {b}" for a, b in sorted(set(lengths)))
            message = f"must have {allowed} characters, not {len(text)}: {self.form}"
            return MalformedIdentifier(self.id, "WRONG_LENGTH", message)
        return MalformedIdentifier(self.id, "WRONG_FORM", f"does not have the form of this scheme: {self.form}")

    def _digest(self, text: str, key: bytes) -> str:
        if len(key) < KEY_BYTES_MIN:
            message = "this installation does not accept such numbers: no key for their digests is configured"
            raise MalformedIdentifier(self.id, "NO_KEY", message)
        digest = hmac.new(key, f"{self.id}\0{text}".encode(), hashlib.sha256).hexdigest()
        return DIGEST_PREFIX + digest[:DIGEST_HEX_LENGTH]


class Schemes:
    """All schemes of an installation, and its key for keyed hashes."""

    def __init__(self, schemes: Sequence[Scheme], key: bytes = b"") -> None:
        self._schemes = {scheme.id: scheme for scheme in schemes}
        self._key = key

    def get(self, scheme: str) -> Scheme | None:
        """The scheme with an id; None if there is none."""
        return self._schemes.get(scheme)

    def all(self) -> Sequence[Scheme]:
        """All schemes, ordered by id."""
        return sorted(self._schemes.values(), key=lambda scheme: scheme.id)

    def usable(self, scheme: Scheme) -> bool:
        """Whether its numbers can be stored here."""
        return not scheme.keyed_hash or len(self._key) >= KEY_BYTES_MIN

    def stored(self, scheme: Scheme, text: str) -> Identifier:
        """As Scheme.stored, with the installation's key.

        A number of a confidential scheme is refused under every other scheme, where its secret would be stored.

        Raises:
            MalformedIdentifier
        """
        for other in self._schemes.values():
            if other.confidential and other.id != scheme.id and other.accepts(text):
                raise scheme.belongs_to(other)
        return Identifier(scheme.id, scheme.stored(text, self._key), scheme.scope)
