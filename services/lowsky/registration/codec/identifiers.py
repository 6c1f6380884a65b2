"""Conversion between identifiers, their schemes and protobuf messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lowsky.api.registration.v1 import aircraft_pb2, identifiers_pb2, operators_pb2
from lowsky.registration.domain.identifier_rules import Given
from lowsky.registration.identifiers.identifier import Identifier, Scheme, Schemes, Scope

_Scheme = identifiers_pb2.IdentifierScheme


def given_in(message: operators_pb2.Operator | aircraft_pb2.Aircraft) -> Sequence[Given]:
    """The identifiers in a validated message, as typed."""
    return [(item.scheme, item.value) for item in message.identifiers]


def replace_identifiers(
    message: operators_pb2.Operator | aircraft_pb2.Aircraft, kept: Iterable[Identifier] = ()
) -> None:
    """Replaces the identifiers as sent by their stored form, so that a digest of the request reveals no secret.

    The secret part of an EU number has 36³ values, of which the check character leaves 1 in 36; the number of a person
    has some 10⁸: an attacker who knows the other fields of the request could try them all.
    """
    del message.identifiers[:]
    message.identifiers.extend(to_messages(kept))


def to_messages(kept: Iterable[Identifier]) -> list[identifiers_pb2.Identifier]:
    """The identifiers in their stored form, as messages."""
    return [identifiers_pb2.Identifier(scheme=one.scheme, value=one.value) for one in kept]


def scheme_to_message(scheme: Scheme, schemes: Schemes) -> identifiers_pb2.IdentifierScheme:
    """The public description of a scheme: all but its patterns, which its form describes in words."""
    holders = [f"HOLDER_{holder.name}" for holder in sorted(scheme.holders)]
    return _Scheme(
        id=scheme.id,
        title=scheme.title,
        jurisdiction=scheme.jurisdiction,
        holders=sorted(_Scheme.Holder.Value(holder) for holder in holders),
        form=scheme.form,
        example=scheme.example,
        kept=_kept(scheme),
        airframe=scheme.airframe,
        unique_within_manufacturer=scheme.scope is Scope.MANUFACTURER,
        source=scheme.source,
        verified=scheme.verified,
        usable=schemes.usable(scheme),
    )


def _kept(scheme: Scheme) -> identifiers_pb2.IdentifierScheme.Kept.ValueType:
    if scheme.keyed_hash:
        return _Scheme.KEPT_KEYED_HASH
    return _Scheme.KEPT_PUBLIC_PART if scheme.kept else _Scheme.KEPT_WHOLE
