"""An operator: the natural or legal person that is responsible for flights."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from lowsky.errors import IllegalMove, Precondition, StaleEtag
from lowsky.priority import Priority
from lowsky.registration.identifiers.identifier import Identifier


class OperatorState(StrEnum):
    """The state of a registration."""

    APPLIED = "APPLIED"
    VERIFIED = "VERIFIED"
    SUSPENDED = "SUSPENDED"
    DEREGISTERED = "DEREGISTERED"


class OperatorKind(StrEnum):
    """The legal form of an operator."""

    ENTERPRISE = "ENTERPRISE"
    PUBLIC_BODY = "PUBLIC_BODY"
    NATURAL_PERSON = "NATURAL_PERSON"


_MOVES: dict[str, tuple[frozenset[OperatorState], OperatorState]] = {
    "verified": (frozenset({OperatorState.APPLIED}), OperatorState.VERIFIED),
    "suspended": (frozenset({OperatorState.VERIFIED}), OperatorState.SUSPENDED),
    "reinstated": (frozenset({OperatorState.SUSPENDED}), OperatorState.VERIFIED),
    "deregistered": (
        frozenset({OperatorState.APPLIED, OperatorState.VERIFIED, OperatorState.SUSPENDED}),
        OperatorState.DEREGISTERED,
    ),
}
"""Every legal transition: its name, the states it may start from, the state it leads to."""

_ENTITLED = frozenset({OperatorState.VERIFIED, OperatorState.SUSPENDED})
"""The states in which an entitlement may be set: the identity was checked. SUSPENDED is included so that an entitlement
can be revoked at once."""


@dataclass(frozen=True, slots=True)
class OperatorProfile:
    """The fields that an operator may change about itself."""

    display_name: str
    contact_person: str
    contact_email: str
    contact_phone: str
    insurance_expire_time: datetime | None
    certificate_number: str
    certificate_expire_time: datetime | None


@dataclass(slots=True)
class Operator:
    """The aggregate: its state changes only through its own methods, each of which records what happened."""

    name: str
    kind: OperatorKind
    identifiers: tuple[Identifier, ...]
    """Ordered by scheme."""
    applicant: str
    """Subject of the token that it was created with."""
    profile: OperatorProfile
    create_time: datetime
    update_time: datetime
    state: OperatorState = OperatorState.APPLIED
    state_reason: str = ""
    priority_max: Priority = Priority.ORDINARY
    """The highest priority that its flights may claim."""
    priority_reason: str = ""
    """The grounds for that priority."""
    version: int = 1
    happened: list[str] = field(default_factory=lambda: ["created"])
    """The events to emit with the next save, in past tense."""

    @property
    def etag(self) -> str:
        return f"{self.version}"

    def expect(self, etag: str) -> None:
        """Raises StaleEtag unless the etag is empty or that of the current version."""
        if etag and etag != self.etag:
            raise StaleEtag(self.name)

    def expect_registered(self) -> None:
        """Raises Precondition if the operator is deregistered: nothing can be registered under it any more."""
        if self.state is OperatorState.DEREGISTERED:
            raise Precondition(
                "OPERATOR_NOT_IN_GOOD_STANDING",
                f"{self.name} is deregistered",
                metadata={"resource": self.name, "state": self.state},
            )

    def update(self, profile: OperatorProfile, now: datetime) -> None:
        """Changes the profile; not allowed for a deregistered operator."""
        if self.state is OperatorState.DEREGISTERED:
            raise IllegalMove(self.name, self.state, "updated")
        self.profile = profile
        self._record("updated", now)

    def verify(self, now: datetime) -> None:
        """The registrar has checked the identity."""
        self._move("verified", "", now)

    def suspend(self, reason: str, now: datetime) -> None:
        """From now on no plan may be submitted or activated."""
        self._move("suspended", reason, now)

    def reinstate(self, reason: str, now: datetime) -> None:
        """The suspension ends."""
        self._move("reinstated", reason, now)

    def entitle(self, priority_max: Priority, reason: str, now: datetime) -> None:
        """From now on its flights may claim up to this priority; the state does not change."""
        if self.state not in _ENTITLED:
            raise IllegalMove(self.name, self.state, "entitled")
        self.priority_max, self.priority_reason = priority_max, reason
        self._record("entitled", now)

    def deregister(self, reason: str, now: datetime) -> None:
        """Permanent."""
        self._move("deregistered", reason, now)

    def _move(self, move: str, reason: str, now: datetime) -> None:
        sources, target = _MOVES[move]
        if self.state not in sources:
            raise IllegalMove(self.name, self.state, move)
        self.state, self.state_reason = target, reason
        self._record(move, now)

    def _record(self, what: str, now: datetime) -> None:
        self.version += 1
        self.update_time = now
        self.happened.append(what)
