"""An operator's changes of an existing plan: withdraw, activate, end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from lowsky.db.database import Connection
from lowsky.flightplans.checks.busy_aircraft import require_on_the_ground
from lowsky.flightplans.checks.flight_volumes import draw
from lowsky.flightplans.checks.law import require_documents
from lowsky.flightplans.checks.validity import require_standing
from lowsky.flightplans.domain.plan import FlightPlan
from lowsky.flightplans.domain.proposal import Proposal
from lowsky.flightplans.life.plan_store import Plans
from lowsky.flightplans.postgres.plans import FlightPlanStore
from lowsky.flightplans.postgres.reservations import Reservations
from lowsky.flightplans.projections.airspace import Airspace
from lowsky.flightplans.projections.applicable_law import Law
from lowsky.flightplans.projections.areas import Areas
from lowsky.flightplans.projections.standing import Standing
from lowsky.geo.heights.altitude import VerticalReference
from lowsky.geofence.assessing import survey

Move = Callable[[FlightPlan], None]


async def move(plans: Plans, name: str, etag: str, make: Move) -> FlightPlan:
    """Locks the plan, compares the etag, makes the transition, saves it and emits its event.

    Raises:
        NotFound, StaleEtag, IllegalMove, Precondition
    """
    plan = await plans.get(name, lock=True)
    plan.expect(etag)
    make(plan)
    await plans.save([plan])
    return plan


async def activate(connection: Connection, name: str, etag: str, make: Move) -> FlightPlan:
    """Activates a plan whose aircraft is not in flight for another one. The aircraft is locked before the plan, in the
    same order as for submissions: of two activations of one aircraft the second sees the first.

    Raises:
        NotFound, StaleEtag, IllegalMove, Precondition
        Unavailable: The lock on the aircraft was not granted in time.
    """
    store, reservations = FlightPlanStore(connection), Reservations(connection)
    seen = await store.get(name)
    await reservations.lock_aircraft(seen.aircraft)
    plan = await store.get(name, lock=True)
    plan.expect(etag)
    make(plan)
    others = {str(other) for other in await reservations.of_aircraft(plan.aircraft, plan.end)} - {plan.id}
    require_on_the_ground(plan, (await store.present(sorted(others))).values())
    await store.save([plan])
    return plan


class Activation:
    """Activation checks once more whether the operator and the aircraft may fly: this may have changed since
    approval."""

    def __init__(
        self,
        standing: Standing,
        airspace: Airspace,
        areas: Areas,
        law: Law,
        reference: VerticalReference,
        proposal_of: Callable[[FlightPlan], Proposal],
    ) -> None:
        self._standing = standing
        self._airspace = airspace
        self._areas = areas
        self._law = law
        self._reference = reference
        self._proposal_of = proposal_of

    def at(self, now: datetime) -> Move:
        """The transition, to be applied to a plan.

        Raises:
            IllegalMove, Precondition: When it is applied.
        """

        def activate(plan: FlightPlan) -> None:
            operator, aircraft = require_standing(
                plan.operator,
                plan.aircraft,
                self._standing.operator(plan.operator),
                self._standing.aircraft(plan.aircraft),
            )
            proposal = self._proposal_of(plan)
            needs = self._law.needs(self._authorities(proposal), proposal, operator, aircraft)
            require_documents(plan.operator, operator, needs, plan.end)
            plan.activate(now)

        return activate

    def _authorities(self, proposal: Proposal) -> frozenset[str]:
        """The authorities that the flight concerns now; its findings do not name all of them."""
        drawn = draw([proposal], self._reference)
        for refusal in drawn.refused.values():
            raise refusal
        found = survey(self._airspace.index, self._areas.index, drawn.volumes, 1, self._reference)
        return found.authorities[0]
