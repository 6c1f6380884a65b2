"""Who a caller is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a caller may be. The token names them in ``lowsky_roles``."""

    APPLICANT = "applicant"
    """Wants to become an operator."""

    OPERATOR = "operator"
    """Acts for the operator that ``lowsky_operator`` names."""

    REGISTRAR = "registrar"
    """Keeps the register of operators."""

    PUBLISHER = "publisher"
    """Publishes the geozones of the authority that ``lowsky_authority`` names."""

    OFFICER = "officer"
    """Decides for the authority that ``lowsky_authority`` names."""

    ADMINISTRATOR = "administrator"
    """Runs the installation."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody whose token was verified."""

    subject: str
    roles: frozenset[Role]
    operator: str | None = None
    """Resource name, ``operators/x``."""
    authority: str | None = None
    """Resource name, ``authorities/x``."""
    expires_s: float = math.inf
    """When the token no longer counts, seconds since the epoch. A stream ends then."""

    @property
    def party(self) -> str:
        """Whom the caller acts for: an operator, an authority, or itself. What one party takes, others do not get,
        however many subjects it has."""
        return self.operator or self.authority or f"subject/{self.subject}"

    def has(self, role: Role) -> bool:
        """Whether the caller has this role, and what the role needs: an operator's operator, an officer's authority."""
        if role not in self.roles:
            return False
        if role is Role.OPERATOR:
            return self.operator is not None
        if role in (Role.OFFICER, Role.PUBLISHER):
            return self.authority is not None
        return True
