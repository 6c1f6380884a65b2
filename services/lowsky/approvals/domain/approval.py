"""The case of one plan: who must decide, what they said, and what follows.

PENDING ──► GRANTED    all who must decide have granted (Art. 28); or by rule, where nobody must
        ├─► REJECTED   one of them has rejected; or by rule, where a check found what nobody can allow
        ├─► EXPIRED    nobody decided in time
        └─► CLOSED     the plan ended meanwhile
GRANTED ──► PENDING    the airspace changed: somebody must decide about what it has not seen; the rest stays granted
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from lowsky.approvals.domain.plan import SubmittedPlan
from lowsky.errors import IllegalMove, Precondition, StaleEtag


class ApprovalState(StrEnum):
    """Where a case stands."""

    PENDING = "PENDING"
    GRANTED = "GRANTED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    CLOSED = "CLOSED"


class Outcome(StrEnum):
    """What one authority said."""

    PENDING = "PENDING"
    GRANTED = "GRANTED"
    REJECTED = "REJECTED"


_MOVES: dict[str, tuple[frozenset[ApprovalState], ApprovalState]] = {
    "opened": (frozenset({ApprovalState.PENDING, ApprovalState.GRANTED}), ApprovalState.PENDING),
    "decided": (frozenset({ApprovalState.PENDING}), ApprovalState.PENDING),
    "granted": (frozenset({ApprovalState.PENDING}), ApprovalState.GRANTED),
    "rejected": (frozenset({ApprovalState.PENDING}), ApprovalState.REJECTED),
    "expired": (frozenset({ApprovalState.PENDING}), ApprovalState.EXPIRED),
    "closed": (frozenset({ApprovalState.PENDING}), ApprovalState.CLOSED),
}
"""Every legal move: what it is called, where from, where to."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What one authority that must decide has said, or has still to say."""

    authority: str
    """``authorities/x``."""
    geozones: tuple[str, ...]
    """Because of which it is asked."""
    outcome: Outcome = Outcome.PENDING
    officer: str = ""
    """Subject of the officer's token."""
    reason: str = ""
    decide_time: datetime | None = None


@dataclass(slots=True)
class Approval:
    """The aggregate: its state moves only through its own methods, each of which says what happened."""

    name: str
    number: str
    """For people, ``LS-2026-0000042``."""
    plan: str
    """``operators/x/flightPlans/y``."""
    snapshot: bytes
    """The plan as it was checked, in its published form."""
    decisions: tuple[Decision, ...]
    """One for each authority that must decide."""
    notified_authorities: tuple[str, ...]
    decide_by_time: datetime
    """From this instant on the case cannot be decided any more: it expires."""
    create_time: datetime
    update_time: datetime
    state: ApprovalState = ApprovalState.PENDING
    automatic: bool = False
    """Decided by rule, without an officer."""
    version: int = 1
    happened: list[str] = field(default_factory=list)
    """What is to be told with the next save, in past tense."""

    @classmethod
    def open(cls, name: str, number: str, plan: SubmittedPlan, now: datetime) -> Approval:
        """Opens the case of a plan, and decides it where a rule can.

        The time to decide ends when the flight would start. A blocking finding is rejected here too, although plans
        with one are rejected before they are announced: nobody's grant may let such a plan through.
        """
        deciders = () if plan.is_blocked else plan.deciders()
        approval = cls(
            name=name,
            number=number,
            plan=plan.name,
            snapshot=plan.snapshot,
            decisions=tuple(Decision(authority, plan.geozones_of(authority)) for authority in deciders),
            notified_authorities=plan.told(),
            decide_by_time=plan.time_start,
            create_time=now,
            update_time=now,
            automatic=not deciders,
        )
        if plan.is_blocked:
            approval._enter("rejected")
        elif not deciders:
            approval._enter("granted")
        else:
            approval.happened.append("opened")
        return approval

    def renew(self, plan: SubmittedPlan, now: datetime) -> bool:
        """Takes in the plan as it was checked against a newer airspace; False where that is nothing to the case.

        The case asks whom the plan needs now, and has another etag: officers decide what they have seen. A granted
        one is opened again. What was said stays said but by those who must be asked again, who have not seen what the
        plan meets now; where that is enough, the case is granted at once.
        """
        if self.state not in {ApprovalState.PENDING, ApprovalState.GRANTED}:
            return False
        named = plan.deciders()
        decisions = tuple(
            replace(self._said(authority, plan), geozones=plan.geozones_of(authority)) for authority in named
        )
        said = (d for d in self.decisions if d.authority not in named and d.outcome is not Outcome.PENDING)
        self.decisions = (*decisions, *said)
        self.notified_authorities = tuple(a for a in plan.told() if self.decision_of(a) is None)
        self.snapshot = plan.snapshot
        self.automatic = False
        self._move("opened", now)
        if self._consequence() == "granted":
            self._enter("granted")
        return True

    def _said(self, authority: str, plan: SubmittedPlan) -> Decision:
        """What an authority said of what it is asked now, if it did."""
        before = None if authority in plan.asks else self.decision_of(authority)
        return before or Decision(authority, ())

    @property
    def etag(self) -> str:
        return f"{self.version}"

    @property
    def operator(self) -> str:
        """``operators/x``, whose plan it is."""
        return "/".join(self.plan.split("/")[:2])

    def concerns(self, authority: str) -> bool:
        """Whether an authority decides or is told."""
        return self.decision_of(authority) is not None or authority in self.notified_authorities

    def awaits(self, authority: str) -> bool:
        """Whether an authority has still to decide."""
        decision = self.decision_of(authority)
        return self.state is ApprovalState.PENDING and decision is not None and decision.outcome is Outcome.PENDING

    def decision_of(self, authority: str) -> Decision | None:
        """What an authority says; None where it has nothing to say."""
        return next((decision for decision in self.decisions if decision.authority == authority), None)

    def decide(self, authority: str, outcome: Outcome, *, officer: str, reason: str, etag: str, now: datetime) -> None:
        """An officer says what an authority decides. One rejection rejects; the last grant grants.

        Raises:
            StaleEtag: The case is not as the officer saw it.
            IllegalMove: The case is decided, closed, or its time is over.
            Precondition: NOT_CONCERNED, the authority has no decision to make or has made it.
        """
        if etag != self.etag:
            raise StaleEtag(self.name)
        if self.state is ApprovalState.PENDING and now >= self.decide_by_time:
            raise IllegalMove(self.name, ApprovalState.EXPIRED, "decided")  # the sweeper has only not come by yet
        if self.state is not ApprovalState.PENDING:
            raise IllegalMove(self.name, self.state, "decided")
        if not self.awaits(authority):
            raise Precondition(
                "NOT_CONCERNED",
                f"{authority} has no decision to make in {self.name}, or has made it",
                metadata={"resource": self.name, "authority": authority},
            )
        self.decisions = tuple(
            replace(d, outcome=outcome, officer=officer, reason=reason, decide_time=now)
            if d.authority == authority
            else d
            for d in self.decisions
        )
        self._move(self._consequence(), now)

    def expire(self, now: datetime) -> None:
        """Nobody decided in time."""
        self._move("expired", now)

    def close(self, now: datetime) -> None:
        """The plan ended meanwhile."""
        self._move("closed", now)

    def _consequence(self) -> str:
        outcomes = {decision.outcome for decision in self.decisions}
        if Outcome.REJECTED in outcomes:
            return "rejected"
        return "decided" if Outcome.PENDING in outcomes else "granted"

    def _move(self, move: str, now: datetime) -> None:
        self._enter(move)
        self.version += 1
        self.update_time = now

    def _enter(self, move: str) -> None:
        sources, target = _MOVES[move]
        if self.state not in sources:
            raise IllegalMove(self.name, self.state, move)
        self.state = target
        self.happened.append(move)
