"""The case of one plan: the authorities that must decide, their decisions, and the resulting state.

PENDING ──► GRANTED    all authorities that must decide have granted (Art. 28); or automatically, if none must decide
        ├─► REJECTED   one of them has rejected; or automatically, if a check found what no authority can allow
        ├─► EXPIRED    not decided in time
        └─► CLOSED     the plan ended before the decision
GRANTED ──► PENDING    the airspace changed: an authority must decide about a zone that it has not decided on; other
        │              grants remain
        └─► RESCINDED  an authority has taken its grant back
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from lowsky.approvals.domain.plan import SubmittedPlan
from lowsky.approvals.domain.reasons import Reason, Rescission
from lowsky.errors import IllegalMove, Precondition, StaleEtag


class ApprovalState(StrEnum):
    """The state of a case."""

    PENDING = "PENDING"
    GRANTED = "GRANTED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    CLOSED = "CLOSED"
    RESCINDED = "RESCINDED"


class Outcome(StrEnum):
    """The decision of one authority."""

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
    "rescinded": (frozenset({ApprovalState.GRANTED}), ApprovalState.RESCINDED),
}
"""Every legal transition: its name, the states it may start from, the state it leads to."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision of one authority that must decide, made or pending."""

    authority: str
    """``authorities/x``."""
    geozones: tuple[str, ...]
    """The zones that require its approval."""
    outcome: Outcome = Outcome.PENDING
    officer: str = ""
    """Subject of the officer's token."""
    reason: str = ""
    decide_time: datetime | None = None
    reason_codes: tuple[str, ...] = ()
    airspace_revision: int = 0
    """The airspace that the plan had been checked against when this was decided; 0: not decided, or not recorded."""


@dataclass(slots=True)
class Approval:
    """The aggregate: its state changes only through its own methods, each of which records what happened."""

    name: str
    number: str
    """Human-readable, ``LS-2026-0000042``."""
    plan: str
    """``operators/x/flightPlans/y``."""
    snapshot: bytes
    """The plan as it was checked, in its published form."""
    decisions: tuple[Decision, ...]
    """One for each authority that must decide."""
    notified_authorities: tuple[str, ...]
    decide_by_time: datetime
    """From this instant on the case can no longer be decided: it expires."""
    create_time: datetime
    update_time: datetime
    state: ApprovalState = ApprovalState.PENDING
    automatic: bool = False
    """Decided automatically, without an officer."""
    rescission: Rescission | None = None
    version: int = 1
    happened: list[str] = field(default_factory=list)
    """The events to emit with the next save, in past tense."""

    @classmethod
    def open(cls, name: str, number: str, plan: SubmittedPlan, now: datetime) -> Approval:
        """Opens the case of a plan, and decides it if no officer is needed.

        The time to decide ends when the flight would start. A plan with a blocking finding is rejected here too,
        although such plans are rejected before their submission is emitted: no grant may let such a plan through.
        """
        deciders = () if plan.is_blocked else plan.deciders()
        approval = cls(
            name=name,
            number=number,
            plan=plan.name,
            snapshot=plan.snapshot,
            decisions=tuple(Decision(authority, plan.geozones_of(authority)) for authority in deciders),
            notified_authorities=plan.notified(),
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
        """Updates the case after its plan was checked against a newer airspace; False if the case is already over.

        The case now asks the authorities that the plan needs now, and its etag changes, because officers decide on what
        they have seen. A granted case is reopened. Earlier decisions remain, except those of authorities that must
        decide again about a zone that is new to them; if the remaining decisions suffice, the case is granted at once.
        """
        if self.state not in {ApprovalState.PENDING, ApprovalState.GRANTED}:
            return False
        deciders = plan.deciders()
        decisions = tuple(
            replace(self._valid_decision(authority, plan), geozones=plan.geozones_of(authority))
            for authority in deciders
        )
        made = (d for d in self.decisions if d.authority not in deciders and d.outcome is not Outcome.PENDING)
        self.decisions = (*decisions, *made)
        self.notified_authorities = tuple(a for a in plan.notified() if self.decision_of(a) is None)
        self.snapshot = plan.snapshot
        self.automatic = False
        self._move("opened", now)
        if self._consequence() == "granted":
            self._enter("granted")
        return True

    def _valid_decision(self, authority: str, plan: SubmittedPlan) -> Decision:
        """The earlier decision of an authority if it still applies to the plan, otherwise a pending one."""
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
        """Whether an authority decides or is notified."""
        return self.decision_of(authority) is not None or authority in self.notified_authorities

    def awaits(self, authority: str) -> bool:
        """Whether an authority has still to decide."""
        decision = self.decision_of(authority)
        return self.state is ApprovalState.PENDING and decision is not None and decision.outcome is Outcome.PENDING

    def decision_of(self, authority: str) -> Decision | None:
        """The decision of an authority; None if it has none to make."""
        return next((decision for decision in self.decisions if decision.authority == authority), None)

    def decide(
        self,
        authority: str,
        outcome: Outcome,
        *,
        officer: str,
        reason: Reason,
        etag: str,
        now: datetime,
        airspace_revision: int = 0,
    ) -> None:
        """Records an officer's decision for an authority. One rejection rejects the case; the last grant grants it.

        Args:
            airspace_revision: The airspace that the plan, as the officer saw it, was checked against.

        Raises:
            StaleEtag: The case has changed since the officer saw it.
            IllegalMove: The case is decided, closed, or its time is over.
            Precondition: NOT_CONCERNED, the authority has no decision to make or has already made it.
        """
        if etag != self.etag:
            raise StaleEtag(self.name)
        if self.state is ApprovalState.PENDING and now >= self.decide_by_time:
            raise IllegalMove(self.name, ApprovalState.EXPIRED, "decided")  # the next sweep will expire it
        if self.state is not ApprovalState.PENDING:
            raise IllegalMove(self.name, self.state, "decided")
        if not self.awaits(authority):
            raise Precondition(
                "NOT_CONCERNED",
                f"{authority} has no decision to make in {self.name}, or has made it",
                metadata={"resource": self.name, "authority": authority},
            )
        self.decisions = tuple(
            replace(
                d,
                outcome=outcome,
                officer=officer,
                reason=reason.text,
                reason_codes=reason.codes,
                airspace_revision=airspace_revision,
                decide_time=now,
            )
            if d.authority == authority
            else d
            for d in self.decisions
        )
        self._move(self._consequence(), now)

    def rescind(self, authority: str, *, officer: str, reason: Reason, etag: str, now: datetime) -> None:
        """An authority takes its grant back, and with it the case: a grant needs all authorities.

        Raises:
            StaleEtag: The case has changed since the officer saw it.
            IllegalMove: It is not granted.
            Precondition: NOT_CONCERNED, the authority has not granted it.
        """
        if etag != self.etag:
            raise StaleEtag(self.name)
        if self.state is not ApprovalState.GRANTED:
            raise IllegalMove(self.name, self.state, "rescinded")
        decision = self.decision_of(authority)
        if decision is None or decision.outcome is not Outcome.GRANTED:
            raise Precondition(
                "NOT_CONCERNED",
                f"{authority} has no grant in {self.name} to take back",
                metadata={"resource": self.name, "authority": authority},
            )
        self.rescission = Rescission(authority, officer, reason.text, reason.codes, now)
        self._move("rescinded", now)

    def expire(self, now: datetime) -> None:
        """The case was not decided in time."""
        self._move("expired", now)

    def close(self, now: datetime) -> None:
        """The plan ended before the decision."""
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
