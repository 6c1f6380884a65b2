"""`--as`: a development token for a role, from the issuer of the local stack."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lowsky.cli.deferred import deferred
from lowsky.cli.exits import Exit
from lowsky.cli.extras import on_local_stack
from lowsky.cli.problems import Problem, invalid
from lowsky.cli.session.local_stack import LocalStack

if TYPE_CHECKING:
    from lowsky import client
else:
    client = deferred("lowsky.client")


ROLES = ("applicant", "operator", "registrar", "publisher", "officer", "auditor", "administrator")


@dataclass(frozen=True, slots=True)
class Acting:
    """The roles, operator and authority to act as."""

    roles: tuple[str, ...]
    subject: str
    operator: str = ""
    authority: str = ""


def parse(text: str) -> Acting:
    """`operator:acme`, `officer:caac-east`, `registrar`, `applicant:alice`; several with commas."""
    roles: list[str] = []
    operator = authority = subject = ""
    for part in text.split(","):
        role, _, name = part.strip().partition(":")
        if role not in ROLES:
            raise invalid("INVALID_CHOICE", f"--as {text!r}: there is no role {role!r}", f"one of {', '.join(ROLES)}")
        roles.append(role)
        if role == "operator":
            operator = name.removeprefix("operators/")
        elif role in ("officer", "auditor", "publisher"):
            authority = name.removeprefix("authorities/")
        elif name:
            subject = name
        if role in ("operator", "officer", "auditor", "publisher") and not name:
            raise invalid("INVALID_CHOICE", f"--as {text!r} has no name", f"as in --as {role}:name")
    return Acting(
        tuple(roles),
        subject or "-".join(filter(None, ("development", *roles, operator, authority))),
        f"operators/{operator}" if operator else "",
        f"authorities/{authority}" if authority else "",
    )


def token_source(acting: Acting, stack: LocalStack | None, ttl_s: int = 3_600) -> client.DevelopmentToken:
    """A source of such tokens; refused in production and without a local stack."""
    if os.environ.get("LOWSKY_ENV") == "production":
        raise Problem("DEVELOPMENT_ONLY", "--as is for development; LOWSKY_ENV says production", Exit.DENIED)
    if stack is None or not stack.issuer_url:
        raise Problem(
            "NO_LOCAL_STACK",
            "--as needs the token issuer of a local stack, and none is found here",
            Exit.DENIED,
            on_local_stack("run `lowsky up`, or ") + "set LOWSKY_STATE_DIR to its folder; elsewhere set LOWSKY_TOKEN",
        )
    return client.DevelopmentToken(
        stack.issuer_url,
        stack.issuer_secret,
        subject=acting.subject,
        roles=acting.roles,
        operator=acting.operator,
        authority=acting.authority,
        ttl_s=ttl_s,
    )
