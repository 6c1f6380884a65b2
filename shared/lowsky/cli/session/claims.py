"""Reads a claim of a token without verifying it, as a default for an option: the services verify tokens."""

from __future__ import annotations

import base64
import json
import re

_OPERATOR = re.compile(r"(?:operators/)?([a-z0-9][a-z0-9-]{0,62})")
"""As the services take the claim `lowsky_operator`."""


def operator_in(token: str) -> str | None:
    """operators/{operator} of a JWT (RFC 7519); None if it names none, or is no JWT."""
    parts = token.strip().split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return None
    named = claims.get("lowsky_operator") if isinstance(claims, dict) else None
    match = _OPERATOR.fullmatch(named) if isinstance(named, str) else None
    return f"operators/{match[1]}" if match else None
