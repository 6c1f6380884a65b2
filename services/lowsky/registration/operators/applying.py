"""An applicant applies for the registration of an operator."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lowsky.db.database import Connection
from lowsky.ids import new_id
from lowsky.registration.domain.operator import Operator, OperatorKind, OperatorProfile
from lowsky.registration.identifiers.identifier import Identifier
from lowsky.registration.postgres import OperatorStore


@dataclass(frozen=True, slots=True)
class Application:
    """The data of an application."""

    id: str
    """The requested last part of the name; empty: generated."""
    kind: OperatorKind
    identifiers: tuple[Identifier, ...]
    """Ordered by scheme."""
    profile: OperatorProfile
    applicant: str
    """Subject of the token."""


async def apply(connection: Connection, application: Application, now: datetime) -> Operator:
    """Stores a new operator and emits its event.

    Raises:
        AlreadyExists: The name, or one of the identifiers, is taken.
    """
    operator = Operator(
        name=f"operators/{application.id or new_id()}",
        kind=application.kind,
        identifiers=application.identifiers,
        applicant=application.applicant,
        profile=application.profile,
        create_time=now,
        update_time=now,
    )
    await OperatorStore(connection).add(operator)
    return operator
