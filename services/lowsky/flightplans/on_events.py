"""What flightplans hears from the others: registration and airspace into its projections, approvals into the plans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC

import structlog
from google.protobuf.message import DecodeError

from lowsky.api.approvals.v1 import approvals_pb2
from lowsky.api.events.v1 import events_pb2
from lowsky.api.registration.v1 import aircraft_pb2, operators_pb2
from lowsky.clock import Clock
from lowsky.db.database import Connection
from lowsky.events.consumer import Batched, Handler, consumed
from lowsky.events.event import Event
from lowsky.events.tail import Positions
from lowsky.flightplans.airspace import Airspace
from lowsky.flightplans.areas import Areas, KnownAuthority
from lowsky.flightplans.checks.validity import AHEAD, AircraftStanding, OperatorStanding
from lowsky.flightplans.decide import Verdict, apply_verdict
from lowsky.flightplans.domain.plan import FlightPlan
from lowsky.flightplans.postgres import FlightPlanStore, told
from lowsky.flightplans.standing import Standing
from lowsky.geo.codec import geozone_from_message
from lowsky.geofence.area_codec import stated_area_from
from lowsky.open_enums import known_name_of, name_of

GROUP = "flightplans"

log = structlog.get_logger()


class OnOperators:
    """lowsky.operators.v1 into the standing. A state that only a later version knows is not a good standing; a kind or
    a category is not known, so that whatever a law asks of any of them is asked."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing

    def __call__(self, event: Event, _positions: Positions) -> None:
        if event.value is None:
            self._standing.forget(event.key)
            return
        try:
            self._learn(event, event.value)
        except Exception as error:
            # Whatever it is that does not understand it. What was known may be what the unreadable event takes back:
            # nobody flies on it.
            log.error("unreadable registration", key=event.key, type=event.type, problem=str(error))
            self._standing.forget(event.key)

    def _learn(self, event: Event, value: bytes) -> None:
        if event.type.startswith("lowsky.operator."):
            operator = events_pb2.OperatorEvent.FromString(value).operator
            self._standing.learn_operator(
                operator.name,
                OperatorStanding(
                    state=name_of(operators_pb2.Operator.State, operator.state, "STATE_"),
                    insurance_expire_time=operator.insurance_expire_time.ToDatetime(tzinfo=UTC)
                    if operator.HasField("insurance_expire_time")
                    else None,
                    priority_max=operator.priority_max,
                    kind=known_name_of(operators_pb2.Operator.Kind, operator.kind, "KIND_"),
                    certified=operator.HasField("certificate"),
                    certificate_expire_time=operator.certificate.expire_time.ToDatetime(tzinfo=UTC)
                    if operator.certificate.HasField("expire_time")
                    else None,
                ),
            )
        elif event.type.startswith("lowsky.aircraft."):
            aircraft = events_pb2.AircraftEvent.FromString(value).aircraft
            self._standing.learn_aircraft(
                aircraft.name,
                AircraftStanding(
                    active=aircraft.state == aircraft_pb2.Aircraft.STATE_ACTIVE,
                    max_speed_mps=aircraft.max_speed_mps,
                    max_height_m=aircraft.max_height_m if aircraft.HasField("max_height_m") else None,
                    category=known_name_of(aircraft_pb2.Aircraft.Category, aircraft.category, "CATEGORY_"),
                    max_takeoff_mass_kg=aircraft.max_takeoff_mass_kg or None,
                ),
            )
        else:
            log.warning("an event of a later version is passed over", key=event.key, type=event.type)


class OnGeozones:
    """lowsky.geozones.v1 into the airspace.

    What an event says of its zone counts, and not how its type is called: one that only a later version knows may
    change a zone too.
    """

    def __init__(self, airspace: Airspace) -> None:
        self._airspace = airspace

    def __call__(self, event: Event, _positions: Positions) -> None:
        if event.key.startswith("geozones/") and event.value is None:
            self._airspace.zone_removed(_dataset_of(event.key), event.key)
        elif event.key.startswith("datasets/") and event.value is None:
            self._airspace.dataset_removed(event.key)
        elif event.value is None:
            log.warning("a removal of nothing that is followed", key=event.key)
        elif event.type.startswith("lowsky.geozone."):
            try:
                message = events_pb2.GeozoneEvent.FromString(event.value).geozone
                self._airspace.zone_published(message.dataset, event.key, geozone_from_message(message))
            except Exception as error:  # whatever it is that does not understand it
                self._airspace.zone_unreadable(_dataset_of(event.key), event.key, str(error))
        elif event.type == "lowsky.dataset.imported.v1":
            try:
                dataset = events_pb2.DatasetEvent.FromString(event.value).dataset
            except DecodeError as error:
                self._airspace.import_unreadable(event.key, str(error))
            else:
                self._airspace.dataset_imported(dataset.name, dataset.airspace_revision, dataset.geozone_count)
        else:
            log.warning("an event of a later version is passed over", key=event.key, type=event.type)


class OnAuthorities:
    """lowsky.authorities.v1 into the areas."""

    def __init__(self, areas: Areas) -> None:
        self._areas = areas

    def __call__(self, event: Event, _positions: Positions) -> None:
        if event.value is None:
            self._areas.remove(event.key)
            return
        if not event.type.startswith("lowsky.authority."):
            log.warning("an event of a later version is passed over", key=event.key, type=event.type)
            return
        try:
            authority = events_pb2.AuthorityEvent.FromString(event.value).authority
            known = KnownAuthority(
                authority.display_name, authority.country, authority.filing_horizon_days or AHEAD.days
            )
            self._areas.learn(event.key, known, stated_area_from(authority))
        except Exception as error:
            # Whatever it is that does not understand it. Where it answers may be somewhere else now: nothing is decided
            # until it says so anew.
            log.error("unreadable authority", key=event.key, type=event.type, problem=str(error))
            self._areas.unreadable(event.key, str(error))


def _dataset_of(geozone: str) -> str:
    """geozones/{dataset}.{identifier} → datasets/{dataset}"""
    return "datasets/" + geozone.removeprefix("geozones/").partition(".")[0]


_VERDICTS = {
    "lowsky.approval.opened.v1": Verdict.UNDER_REVIEW,
    "lowsky.approval.granted.v1": Verdict.GRANTED,
    "lowsky.approval.rejected.v1": Verdict.REJECTED,
    "lowsky.approval.expired.v1": Verdict.EXPIRED,
}


_OUTCOMES = {
    Verdict.GRANTED: approvals_pb2.Decision.OUTCOME_GRANTED,
    Verdict.REJECTED: approvals_pb2.Decision.OUTCOME_REJECTED,
}


class OnApprovals:
    """lowsky.approvals.v1 into the plans, a batch of events at a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    @property
    def handlers(self) -> Mapping[str, Handler | Batched]:
        """By event type; one for all, so that verdicts that follow each other are one batch, whatever they say."""
        return dict.fromkeys(_VERDICTS, Batched(self.apply))

    async def apply(self, connection: Connection, events: Sequence[Event]) -> None:
        """Locks all the plans at once, moves them in the order of the events, and stores and tells it at once.

        Raises:
            DecodeError, NotFound: Of the batch nothing is applied, because of one event.
        """
        store = FlightPlanStore(connection)
        approvals = [events_pb2.ApprovalEvent.FromString(event.value or b"").approval for event in events]
        plans = await store.lock_all({approval.flight_plan.name for approval in approvals})
        now = self._clock.now()
        moved: dict[str, FlightPlan] = {}
        happened: list[Event] = []
        for event, approval in zip(events, approvals, strict=True):
            plan, verdict = plans[approval.flight_plan.name], _VERDICTS[event.type]
            with consumed(GROUP, event):
                if apply_verdict(
                    plan,
                    verdict,
                    approval=approval.name,
                    number=approval.number,
                    reason=_reason(approval, verdict),
                    granted_by=_granted_by(approval),
                    now=now,
                ):
                    moved[plan.name] = plan
                    # Now, before another event of the batch moves the same plan: each tells the state after it.
                    happened += told(plan)
        await store.save_moves(list(moved.values()), happened)


def _granted_by(approval: approvals_pb2.Approval) -> Sequence[str]:
    return [d.authority for d in approval.decisions if d.outcome == approvals_pb2.Decision.OUTCOME_GRANTED]


def _reason(approval: approvals_pb2.Approval, verdict: Verdict) -> str:
    """What those said who decided it so: why a plan was rejected is not told by whoever granted it."""
    outcome = _OUTCOMES.get(verdict)
    said = "; ".join(d.reason for d in approval.decisions if d.outcome == outcome and d.reason)
    if not said and verdict is Verdict.GRANTED and approval.automatic:
        return "Granted by rule: nobody's word is needed."
    if not said and verdict is Verdict.REJECTED and approval.automatic:
        return "Rejected by rule: a check found what no authority can allow."
    return said
