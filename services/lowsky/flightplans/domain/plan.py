"""A flight plan: the request for one flight, and its life cycle.

States and transitions are those of ASTM F3548 operational intents and EU 2021/664, with the steps of an authority's
review between. An approval is permission, not clearance to start: activation is a separate step (2021/664 Art. 6(5)).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from lowsky.errors import IllegalMove, Precondition, StaleEtag
from lowsky.findings.finding import Finding, Severity, at_most
from lowsky.flightplans.domain.grant_coverage import unseen

ANY_OPERATOR = "operators/-"
"""The wildcard parent: plans of all operators, or of an operator that is not named."""


class State(StrEnum):
    """The state of a plan."""

    SUBMITTED = "SUBMITTED"
    UNDER_REVIEW = "UNDER_REVIEW"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    ACTIVATED = "ACTIVATED"
    NONCONFORMING = "NONCONFORMING"
    CONTINGENT = "CONTINGENT"
    ENDED = "ENDED"
    WITHDRAWN = "WITHDRAWN"
    RESCINDED = "RESCINDED"


OPEN = frozenset({State.SUBMITTED, State.UNDER_REVIEW, State.APPROVED})
"""A plan in one of these can still be withdrawn, superseded or displaced."""

FINAL = frozenset({State.REJECTED, State.EXPIRED, State.WITHDRAWN, State.RESCINDED, State.ENDED})
"""A plan in one of these never leaves it again, and reserves no airspace; except that a flight which was airborne when
it was rescinded keeps its reservation until it is down (`FlightPlan.airborne`). A plan in any other state is checked
again when the airspace changes; for a flight off its plan, or a state that a later version added, only the findings are
updated."""

Extent = tuple[float, float, float, float]
"""West, south, east and north of a box, in degrees."""

ANYWHERE: Extent = (-180.0, -90.0, 180.0, 90.0)

_UNDECIDED = frozenset({State.SUBMITTED, State.UNDER_REVIEW})
_OFF_PLAN = frozenset({State.NONCONFORMING, State.CONTINGENT})
_FLYING = _OFF_PLAN | {State.ACTIVATED}

_MOVES: dict[str, tuple[frozenset[State], State]] = {
    "put-under-review": (_UNDECIDED, State.UNDER_REVIEW),
    "approved": (_UNDECIDED, State.APPROVED),
    "rejected": (_UNDECIDED, State.REJECTED),
    "expired": (_UNDECIDED, State.EXPIRED),
    "activated": (frozenset({State.APPROVED}), State.ACTIVATED),
    "ended": (_FLYING, State.ENDED),
    "withdrawn": (_UNDECIDED | {State.APPROVED}, State.WITHDRAWN),
    "rescinded": (_FLYING | {State.APPROVED}, State.RESCINDED),
    "reopened": (_UNDECIDED | {State.APPROVED}, State.UNDER_REVIEW),
    "found-nonconforming": (frozenset({State.ACTIVATED}), State.NONCONFORMING),
    "found-conforming": (frozenset({State.NONCONFORMING}), State.ACTIVATED),
    "made-contingent": (frozenset({State.NONCONFORMING}), State.CONTINGENT),
    "lapsed": (frozenset({State.APPROVED}), State.EXPIRED),
}
"""Every legal transition: its name, the states it may start from, the state it leads to."""

_REPORTED = {
    State.ACTIVATED: "found-conforming",
    State.NONCONFORMING: "found-nonconforming",
    State.CONTINGENT: "made-contingent",
}


@dataclass(frozen=True, slots=True)
class Happening:
    """A change that was made, to be emitted as an event with the next save."""

    what: str
    previous: State | None
    """None for a new plan."""
    asks: tuple[str, ...] = ()
    """For a reopened review: the authorities whose earlier decision does not cover the present findings."""


@dataclass(slots=True, weakref_slot=True)
class FlightPlan:
    """The aggregate: its state changes only through its own methods, each of which records what happened."""

    name: str
    """operators/{operator}/flightPlans/{plan}"""
    operator: str
    aircraft: str
    content: bytes
    """The request as it was sent; opaque here, and immutable."""
    start: datetime
    """When the first volume starts."""
    end: datetime
    """When the last volume ends."""
    create_time: datetime
    update_time: datetime
    state: State = State.SUBMITTED
    state_reason: str = ""
    findings: tuple[Finding, ...] = ()
    airspace_revision: int = 0
    extent: Extent = ANYWHERE
    """The box around its volumes; across the antimeridian it spans all longitudes."""
    touched: tuple[str, ...] = ()
    """The authorities whose area or geozones it touches, sorted, whether they are asked or not."""
    approval: str = ""
    approval_number: str = ""
    off_nominal: bytes = b""
    """Its off-nominal volumes as they were sent; opaque here."""
    nonconforming_since: datetime | None = None
    """When it left its plan, while it is NONCONFORMING: further reports of the same state do not change it."""
    airborne: bool = False
    """Rescinded while the flight was in progress, and not reported down since: it still reserves its airspace, because
    it is still in it."""
    version: int = 1
    happened: list[Happening] = field(default_factory=list)
    """The events to emit with the next save."""

    @property
    def id(self) -> str:
        """The last part of its name."""
        return self.name.rpartition("/")[2]

    @property
    def etag(self) -> str:
        return f"{self.version}"

    @property
    def deciding_authorities(self) -> tuple[str, ...]:
        """The authorities whose approval the plan needs."""
        return _distinct(name for finding in self.findings for name in finding.deciding)

    @property
    def notified_authorities(self) -> tuple[str, ...]:
        """The authorities that are notified, and need not decide."""
        deciding = self.deciding_authorities
        notified = _distinct(name for finding in self.findings for name in finding.notified)
        return tuple(name for name in notified if name not in deciding)

    @property
    def readers(self) -> tuple[str, ...]:
        """The authorities whose officers may read the plan: they decide, are notified, or are touched."""
        return _distinct((*self.deciding_authorities, *self.notified_authorities, *self.touched))

    @property
    def zones_met(self) -> tuple[str, ...]:
        """The geozones that its findings name."""
        return _distinct(finding.subject for finding in self.findings if finding.subject.startswith("geozones/"))

    def is_reviewed_by(self, approval: str) -> bool:
        """Whether that case already reviews the plan: a reopened case emits its opening again."""
        return self.state is State.UNDER_REVIEW and self.approval == approval

    def expect(self, etag: str) -> None:
        """Raises StaleEtag unless the etag is empty or that of the current version."""
        if etag and etag != self.etag:
            raise StaleEtag(self.name)

    def assess(self, findings: Iterable[Finding], airspace_revision: int) -> None:
        """Sets the findings of a plan that is not stored yet, and replaces earlier ones: a blocking finding rejects the
        plan; otherwise it waits for a decision."""
        self.findings = at_most(findings)
        self.airspace_revision = airspace_revision
        self.state, self.state_reason = State.SUBMITTED, ""
        self.happened.clear()
        blocking = [finding for finding in self.findings if finding.severity is Severity.BLOCKING]
        if blocking:
            self.state = State.REJECTED
            self.state_reason = blocking[0].message
            self.happened.append(Happening("rejected", None))
        else:
            self.happened.append(Happening("submitted", None))

    def reassess(self, findings: Iterable[Finding], airspace_revision: int, now: datetime) -> bool:
        """Replaces the findings after a check against a newer airspace; False if they are the same.

        A blocking finding ends the plan. A finding on which an authority has not decided yet (`unseen`) reopens the
        review, even if it has decided on other findings. Exceptions: a flight in progress is not reopened; a flight
        off its plan is not ended either until it is back in its plan (`report`); the same applies to a state that a
        later version added, whose transitions are not known here. In these and all other cases only the findings
        change.
        """
        found = at_most(findings)
        if found == self.findings:
            return False
        asking = unseen(found, self.findings)
        self.findings, self.airspace_revision = found, airspace_revision
        blocking = [finding for finding in found if finding.severity is Severity.BLOCKING]
        if blocking and (self.state in OPEN or self.state is State.ACTIVATED):
            move = "rejected" if self.state in _UNDECIDED else "rescinded"
            self._move(move, _changed(blocking[0], airspace_revision), now)
        elif asking and not self.is_flying:
            asks = _distinct(name for _, names in asking for name in names)
            self._move("reopened", _changed(asking[0][0], airspace_revision), now, asks)
        else:
            self._become("reassessed", self.state, self.state_reason, now)
        return True

    def touch(self, authorities: Iterable[str]) -> bool:
        """Replaces the authorities that it touches; False if they are the same. Nothing that was decided changes, so
        that neither etag nor event tells of it."""
        before, self.touched = self.touched, tuple(sorted(authorities))
        return self.touched != before

    @property
    def is_flying(self) -> bool:
        """Whether the flight is in progress, so that it can no longer give way by staying on the ground. A state that a
        later version added is assumed to be one."""
        return self.state not in OPEN and not self.is_over

    @property
    def is_over(self) -> bool:
        """Whether the plan reserves no airspace and never changes again."""
        return self.state in FINAL and not self.airborne

    def give_way(self, finding: Finding, now: datetime) -> None:
        """Another flight takes precedence: the plan ends or, if the flight is in progress, is only notified."""
        self.findings = at_most([*self.findings, finding])
        if self.is_flying:
            self._become("reassessed", self.state, self.state_reason, now)
        else:
            self._move("rejected" if self.state in _UNDECIDED else "rescinded", finding.message, now)

    def exchange(self, before: Collection[Finding], after: Iterable[Finding]) -> None:
        """Replaces some findings by others, without recording an event."""
        left = [finding for finding in self.findings if finding not in before]
        self.findings = at_most([*left, *after])

    def findings_changed(self, now: datetime) -> None:
        """Records that only the findings have changed."""
        self._become("reassessed", self.state, self.state_reason, now)

    def report(self, state: State, off_nominal: bytes, reason: str, now: datetime) -> None:
        """Records the reported state of a flight in progress. An off-nominal state may be reported again, with other
        volumes. A rescinded flight that is still airborne may report where it is, but stays rescinded.

        Raises:
            IllegalMove: There is no transition from the current state to the reported one.
        """
        blocking = [finding for finding in self.findings if finding.severity is Severity.BLOCKING]
        if state is self.state and state in _OFF_PLAN:
            self._become("reassessed", state, reason, now)
        elif self.airborne and state in _OFF_PLAN:
            self._become("reassessed", self.state, self.state_reason, now)
        elif blocking and state is State.ACTIVATED and self.state is State.NONCONFORMING:
            # The airspace changed while the flight was off its plan: what it returns to is no longer allowed.
            self._move("rescinded", _changed(blocking[0], self.airspace_revision), now)
        else:
            self._move(_REPORTED[state], reason, now)
        self.off_nominal = off_nominal

    def give_up_return(self, after_s: float, now: datetime) -> None:
        """It has been nonconforming for too long and becomes contingent (ASTM F3548-21, Contingent). Its findings and
        off-nominal volumes do not change.

        Raises:
            IllegalMove: It is not nonconforming.
        """
        self._move("made-contingent", f"It has not been back in its plan for more than {after_s:g} s.", now)

    def put_under_review(self, approval: str, number: str, now: datetime) -> None:
        """Officers of the authorities decide."""
        self._move("put-under-review", "", now)
        self.approval, self.approval_number = approval, number

    def approve(self, approval: str, number: str, reason: str, now: datetime) -> None:
        """All authorities that had to approve have approved."""
        self._move("approved", reason, now)
        self.approval, self.approval_number = approval, number

    def reject(self, approval: str, number: str, reason: str, now: datetime) -> None:
        """An authority that had to approve has rejected."""
        self._move("rejected", reason, now)
        self.approval, self.approval_number = approval, number

    def expire(self, reason: str, now: datetime) -> None:
        """It was not decided in time."""
        self._move("expired", reason, now)

    def close_overdue(self, now: datetime) -> None:
        """Closes a plan whose time window has passed without a report.

        Raises:
            IllegalMove: It is over already.
        """
        if self.airborne:
            self._end_rescinded(now)
        elif self.state in _FLYING:
            self._move("ended", "The time window has passed, and the end of the flight was not reported.", now)
        elif self.state is State.APPROVED:
            self._move("lapsed", "The time window has passed, and the plan was not activated.", now)
        else:
            self._move("expired", "The time window has passed, and the plan was not decided.", now)

    def rescind(self, reason: str, now: datetime) -> None:
        """An authority takes its approval back. A flight in progress keeps its airspace until it is down (`airborne`).
        A plan that is under review again, or whose grant did not count, is rejected: its case will not be decided.

        Raises:
            IllegalMove: It is over.
        """
        self._move("rejected" if self.state in _UNDECIDED else "rescinded", reason, now)

    def withdraw(self, reason: str, now: datetime) -> None:
        """The operator withdraws it before take-off."""
        self._move("withdrawn", reason, now)

    def activate(self, now: datetime) -> None:
        """The flight is about to start.

        Raises:
            IllegalMove: It is not approved.
            Precondition: It is not within its own time window.
        """
        if self.state is State.APPROVED and not self.start <= now < self.end:
            raise Precondition(
                "OUTSIDE_TIME_WINDOW",
                f"{self.name} can be activated from {self.start.isoformat()} and before {self.end.isoformat()}",
                metadata={
                    "resource": self.name,
                    "earliest": self.start.isoformat(),
                    "latest": self.end.isoformat(),
                },
            )
        self._move("activated", "", now)

    def end_flight(self, now: datetime) -> None:
        """The flight is over. A rescinded one stays rescinded, and releases its airspace."""
        if self.airborne:
            self._end_rescinded(now)
        else:
            self._move("ended", "", now)

    def _end_rescinded(self, now: datetime) -> None:
        self.airborne = False
        self._become("ended", self.state, self.state_reason, now)

    def _move(self, move: str, reason: str, now: datetime, asks: tuple[str, ...] = ()) -> None:
        sources, target = _MOVES[move]
        if self.state not in sources:
            raise IllegalMove(self.name, self.state, move)
        self.airborne = move == "rescinded" and self.state in _FLYING
        self._become(move, target, reason, now, asks)

    def _become(self, what: str, target: State, reason: str, now: datetime, asks: tuple[str, ...] = ()) -> None:
        self.happened.append(Happening(what, self.state, asks))
        if target is not State.NONCONFORMING:
            self.nonconforming_since = None
        elif self.state is not State.NONCONFORMING:
            self.nonconforming_since = now
        self.state, self.state_reason = target, reason
        self.version += 1
        self.update_time = now


def _changed(finding: Finding, airspace_revision: int) -> str:
    """The reason for a transition that a change of the airspace causes."""
    subject = finding.subject or finding.subject_title
    return f"The airspace has changed (revision {airspace_revision}, {subject}). {finding.message}"


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
