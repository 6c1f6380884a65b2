"""What a case needs to know of the plan that it decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class PlanFinding:
    """What a check found, as far as it matters for who decides."""

    subject: str
    """Resource name of what the plan met, ``geozones/x``; may be empty."""
    blocking: bool
    deciding_authorities: tuple[str, ...] = ()
    notified_authorities: tuple[str, ...] = ()
    unknown: bool = False
    """Whether its severity is of a later version: an officer has to look at it."""

    @property
    def deciders(self) -> tuple[str, ...]:
        """Those whose word is needed because of it; of one that cannot be judged here, everybody whom it names."""
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
    """The whole plan in its published form, kept and shown as it is; nothing here looks into it."""
    asks: frozenset[str] = frozenset()
    """Authorities that have to decide anew: what they have decided does not cover what the plan meets now."""

    @property
    def is_blocked(self) -> bool:
        """Whether a check found what no authority can allow, or what cannot be judged and no authority looks at."""
        if any(finding.blocking for finding in self.findings):
            return True
        return any(finding.unknown for finding in self.findings) and not self.deciders()

    def deciders(self) -> tuple[str, ...]:
        """Those whose word it needs: the plan's own list first, then any that only a finding names."""
        named = (authority for finding in self.findings for authority in finding.deciders)
        return tuple(dict.fromkeys([*self.deciding_authorities, *named]))

    def told(self) -> tuple[str, ...]:
        """Those that are told and have no decision to make."""
        named = (authority for finding in self.findings for authority in finding.notified_authorities)
        return _without(tuple(dict.fromkeys([*self.notified_authorities, *named])), self.deciders())

    def geozones_of(self, authority: str) -> tuple[str, ...]:
        """The geozones because of which an authority is asked."""
        subjects = (f.subject for f in self.findings if authority in f.deciders and f.subject)
        return tuple(dict.fromkeys(subjects))


def _without(names: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in others)
