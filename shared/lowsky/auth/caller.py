"""Who a caller is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """A role of a caller. The token lists them in ``lowsky_roles``."""

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

    AUDITOR = "auditor"
    """Reads what an officer of the authority that ``lowsky_authority`` names reads, and changes nothing."""

    ADMINISTRATOR = "administrator"
    """Runs the installation."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller whose token was verified."""

    subject: str
    roles: frozenset[Role]
    operator: str | None = None
    """Resource name, ``operators/x``."""
    authority: str | None = None
    """Resource name, ``authorities/x``."""
    expires_s: float = math.inf
    """Expiry of the token, in seconds since the epoch. Streams end then."""

    @property
    def party(self) -> str:
        """Whom the caller acts for: an operator, an authority, or itself. Limits are counted per party, however many
        subjects it has."""
        return self.operator or self.authority or f"subject/{self.subject}"

    def has(self, role: Role) -> bool:
        """Whether the caller has this role and the claim that it requires: an operator or an authority."""
        if role not in self.roles:
            return False
        if role is Role.OPERATOR:
            return self.operator is not None
        if role in (Role.OFFICER, Role.PUBLISHER, Role.AUDITOR):
            return self.authority is not None
        return True
