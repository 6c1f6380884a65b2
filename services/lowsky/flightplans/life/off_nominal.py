"""A flight that leaves its plan: off-nominal volumes extend its reservation, and the flights that they overlap are
notified.

Reports are never refused because of a conflict, since the flight is where it is (ASTM F3548-21, nonconforming and
contingent operational intents). Later submissions are rejected there, as in any reserved airspace.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from lowsky.db.database import Connection
from lowsky.errors import Invalid, NotFound, Unavailable
from lowsky.findings.finding import Finding, Rule, Severity
from lowsky.flightplans.checks.conflict import FlightOverlap
from lowsky.flightplans.domain.plan import ANY_OPERATOR, FlightPlan
from lowsky.flightplans.domain.state_report import StateReport
from lowsky.flightplans.holding.precedence import Rival
from lowsky.flightplans.holding.reserving import Holding, TooMuchHeldNearby
from lowsky.flightplans.postgres.aliases import Aliases
from lowsky.flightplans.postgres.plans import FlightPlanStore
from lowsky.flightplans.postgres.reservations import Contender, Reservations, reservations_of, too_large
from lowsky.geo.heights.altitude import VerticalReference
from lowsky.geo.volumes.nodes import Cover, cover_of
from lowsky.geo.volumes.volumes import Volumes

AHEAD_S_MAX: Final = 86_400
"""Off-nominal volumes end within a day, so that one report cannot reserve airspace for longer."""

NAMED_MAX: Final = 500
"""Flights that have a finding in the plan, because the size of an event is limited. All flights that the volumes
overlap are warned; for those without a finding the warning is not withdrawn if a later report no longer overlaps
them."""


class OffNominal:
    """Applies reports."""

    def __init__(self, holding: Holding, reference: VerticalReference) -> None:
        self._holding = holding
        self._reference = reference

    async def report(self, connection: Connection, report: StateReport, now: datetime) -> FlightPlan:
        """The plan after the report; within one transaction. Locks are taken in the global order: nodes, then plans.

        Raises:
            NotFound, StaleEtag, IllegalMove, Invalid
            Unavailable: The plan or its reservation was changed concurrently: the same report may be sent again.
        """
        _require_id(report.name)
        _require_soon(report, now)
        store, reservations = FlightPlanStore(connection), Reservations(connection)
        seen = await store.get(report.name)
        _require_possible(report, seen, now)
        off = Volumes.of([report.off_nominal])
        rivals = await self._met(connection, seen, off)
        aliases = await self._holding.aliases(connection)
        ids = {seen.id, *_warned_by(seen, aliases), *(str(rival.plan) for rival in rivals)}
        plans = dict(await store.lock_present(sorted(ids)))
        plan = plans.pop(seen.id)
        plan.expect(report.etag)
        if plan.version != seen.version:
            raise Unavailable("AIRSPACE_BUSY", f"{plan.name} was changed concurrently", retry_after_s=0.1)
        plan.report(report.state, report.content, report.reason, now)
        not_over = [rival for rival in rivals if _is_not_over(plans.get(str(rival.plan)))]
        ids_met = [str(rival.plan) for rival in not_over]
        met = dict(zip(ids_met, await self._holding.meetings(not_over), strict=True))
        plan.exchange([f for f in plan.findings if f.rule is Rule.OFF_NOMINAL_MEETS], _own_findings(met, aliases))
        changed = [
            plan,
            *(other for other in plans.values() if _warn(other, aliases.of(plan.id), met.get(other.id), now)),
        ]
        await self._widen(reservations, plan, off)
        await store.save(changed)
        return plan

    async def _met(self, connection: Connection, plan: FlightPlan, off: Volumes) -> Sequence[Rival]:
        if not len(off):
            return []
        nodes = self._cover(off)
        # Under a new id: the cached volumes of the plan's own reservation must stay valid if the report fails.
        contender = Contender(uuid4(), plan.operator, plan.aircraft, 0, "")
        await Reservations(connection).lock(nodes)
        try:
            (rivals,) = await self._holding.rivals(connection, [contender], off, nodes)
        except TooMuchHeldNearby as crowded:
            raise crowded.refusal("off_nominal_volumes") from None
        return [rival for rival in rivals if str(rival.plan) != plan.id]

    async def _widen(self, reservations: Reservations, plan: FlightPlan, off: Volumes) -> None:
        """Extends the reservation to the plan's own volumes followed by the off-nominal ones. The aircraft is occupied
        for the whole of that time, too."""
        id_ = UUID(plan.id)
        held = await reservations.own(id_)
        if held is None:
            raise Unavailable("AIRSPACE_BUSY", f"{plan.name} has no reservation now", retry_after_s=0.1)
        volumes = Volumes.join([held.volumes, off]) if len(off) else held.volumes
        nodes = self._cover(volumes)
        (reservation,) = reservations_of(
            [Contender(id_, plan.operator, plan.aircraft, held.priority, "")], volumes, nodes
        )
        await reservations.replace(replace(reservation, revision=held.revision + 1, off_nominal=len(off)))

    def _cover(self, volumes: Volumes) -> Cover:
        nodes = cover_of(volumes, self._reference)
        if nodes.too_large:
            raise too_large("off_nominal_volumes", "the flight would reserve more airspace than the limit of")
        return nodes


def _require_soon(report: StateReport, now: datetime) -> None:
    end_s = max((volume.end_s for volume in report.off_nominal), default=0.0)
    if end_s > now.timestamp() + AHEAD_S_MAX:
        message = f"off-nominal volumes must end within {AHEAD_S_MAX} s from now"
        raise Invalid.field("off_nominal_volumes", message, "TOO_LARGE", limit=str(AHEAD_S_MAX))


def _require_possible(report: StateReport, seen: FlightPlan, now: datetime) -> None:
    """Refuses early what would be refused after locking, so that an impossible report does not lock airspace."""
    seen.expect(report.etag)
    replace(seen, happened=[]).report(report.state, report.content, report.reason, now)


def _require_id(name: str) -> None:
    try:
        UUID(name.rpartition("/")[2])
    except ValueError:
        raise NotFound(name) from None


def _warned_by(plan: FlightPlan, aliases: Aliases) -> list[str]:
    """Ids of the flights that were warned by an earlier report on this plan."""
    found = (aliases.plan(finding.subject) for finding in plan.findings if finding.rule is Rule.OFF_NOMINAL_MEETS)
    return [id_ for id_ in found if id_ is not None]


def _warn(other: FlightPlan, alias: str, met: FlightOverlap | None, now: datetime) -> bool:
    """Replaces another flight's findings about the flight with that alias; False if it had none and gets none, or is
    over."""
    subject = f"{ANY_OPERATOR}/flightPlans/{alias}"
    before = [f for f in other.findings if f.rule is Rule.OFF_NOMINAL and f.subject == subject]
    after = [met.finding(Rule.OFF_NOMINAL, alias, reverse=True)] if met else []
    if (not before and not after) or other.is_over:
        return False
    other.exchange(before, after)
    other.findings_changed(now)
    return True


def _is_not_over(plan: FlightPlan | None) -> bool:
    return plan is not None and not plan.is_over


def _own_findings(met: Mapping[str, FlightOverlap], aliases: Aliases) -> list[Finding]:
    """The findings of the reported flight itself."""
    named = itertools.islice(met.items(), NAMED_MAX)
    findings = [meeting.finding(Rule.OFF_NOMINAL_MEETS, aliases.of(other)) for other, meeting in named]
    if more := len(met) - len(findings):
        text = f"{more} more flights, not named here, overlap the off-nominal volumes."
        findings.append(Finding(Rule.OFF_NOMINAL_MEETS, Severity.NOTIFICATION, "", "other flights", (), text))
    return findings
