"""The parts of a plan that its case needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class PlanFinding:
    """The finding of a check, as far as it determines who decides."""

    subject: str
    """Resource name of what the plan conflicts with, ``geozones/x``; may be empty."""
    blocking: bool
    deciding_authorities: tuple[str, ...] = ()
    notified_authorities: tuple[str, ...] = ()
    unknown: bool = False
    """Whether its severity is of a later version: an officer must review it."""

    @property
    def deciders(self) -> tuple[str, ...]:
        """The authorities whose approval it needs; for a finding of unknown severity, every authority that it names."""
        return (*self.deciding_authorities, *self.notified_authorities) if self.unknown else self.deciding_authorities


@dataclass(frozen=True, slots=True)
class SubmittedPlan:
    """A plan as it was checked."""

    name: str
    """``operators/x/flightPlans/y``."""
    time_start: datetime
    deciding_authorities: tuple[str, ...]
    notified_authorities: tuple[str, ...]
    findings: tuple[PlanFinding, ...]
    snapshot: bytes
    """The whole plan as serialised in its event, stored and shown unchanged; nothing here reads it."""
    asks: frozenset[str] = frozenset()
    """Authorities that must decide again: their earlier decision does not cover the plan's present findings."""

    @property
    def is_blocked(self) -> bool:
        """Whether a check found what no authority can allow, or a finding of unknown severity that names no authority
        to review it."""
        if any(finding.blocking for finding in self.findings):
            return True
        return any(finding.unknown for finding in self.findings) and not self.deciders()

    def deciders(self) -> tuple[str, ...]:
        """The authorities whose approval it needs: the plan's own list first, then those that only a finding names."""
        named = (authority for finding in self.findings for authority in finding.deciders)
        return tuple(dict.fromkeys([*self.deciding_authorities, *named]))

    def notified(self) -> tuple[str, ...]:
        """The authorities that are notified and have no decision to make."""
        named = (authority for finding in self.findings for authority in finding.notified_authorities)
        return _without(tuple(dict.fromkeys([*self.notified_authorities, *named])), self.deciders())

    def geozones_of(self, authority: str) -> tuple[str, ...]:
        """The geozones that require the approval of an authority."""
        subjects = (f.subject for f in self.findings if authority in f.deciders and f.subject)
        return tuple(dict.fromkeys(subjects))


def _without(names: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in others)
