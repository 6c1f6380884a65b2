"""What a development token may say, and how it is signed."""

import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

ALGORITHM = "ES256"
AUDIENCE = "lowsky"
ROLES = ("applicant", "operator", "registrar", "publisher", "officer", "auditor", "administrator")
TTL_S_DEFAULT = 3_600
TTL_S_MAX = 86_400
"""A day: a forgotten development token does not live for long."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,199}")
"""Subjects, operators and authorities: ids, resource names and e-mail addresses of up to 200 characters."""

FIELDS = frozenset({"subject", "roles", "operator", "authority", "ttl_seconds"})


class Invalid(ValueError):
    """A token request that is not understood; the text names the field."""


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A wanted token, checked."""

    subject: str
    roles: tuple[str, ...]
    operator: str | None
    authority: str | None
    ttl_s: int


def token_request(fields: Mapping[str, Any]) -> TokenRequest:
    """Checks a request's fields; raises Invalid with what is wrong."""
    if unknown := sorted(set(fields) - FIELDS):
        raise Invalid(f"unknown fields: {', '.join(unknown)[:200]}; known are {', '.join(sorted(FIELDS))}")
    if "subject" not in fields:
        raise Invalid("subject is missing")
    return TokenRequest(
        subject=_name("subject", fields["subject"]),
        roles=_roles(fields.get("roles", [])),
        operator=_optional_name("operator", fields.get("operator")),
        authority=_optional_name("authority", fields.get("authority")),
        ttl_s=_ttl(fields.get("ttl_seconds", TTL_S_DEFAULT)),
    )


def _name(field: str, value: object) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise Invalid(
            f"{field} must be 1 to 200 characters of A-Z a-z 0-9 . _ : @ / + - and begin with a letter or digit"
        )
    return value


def _optional_name(field: str, value: object) -> str | None:
    return None if value is None or value == "" else _name(field, value)


def _roles(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(role, str) for role in value):
        raise Invalid("roles must be a list of names")
    if unknown := sorted(set(value) - set(ROLES)):
        raise Invalid(f"unknown roles: {', '.join(unknown)[:200]}; known are {', '.join(ROLES)}")
    return tuple(dict.fromkeys(value))


def _ttl(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= TTL_S_MAX:
        raise Invalid(f"ttl_seconds must be a whole number from 1 to {TTL_S_MAX}")
    return value


def mint(wanted: TokenRequest, key: ECKey, *, issuer: str, audience: str) -> str:
    """A signed token with the claims that the services read."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": audience,
        "sub": wanted.subject,
        "iat": now,
        "exp": now + wanted.ttl_s,
        "jti": str(uuid.uuid4()),
        "lowsky_roles": list(wanted.roles),
    }
    if wanted.operator is not None:
        claims["lowsky_operator"] = wanted.operator
    if wanted.authority is not None:
        claims["lowsky_authority"] = wanted.authority
    return jwt.encode({"alg": ALGORITHM, "kid": key.kid}, claims, key, algorithms=[ALGORITHM])
