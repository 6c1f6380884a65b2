"""Validity: whether the plan is valid in itself, for this operator and this aircraft, at this time.

An invalid request is refused with an error that names the field; a plan that exceeds the aircraft's performance is
rejected with a finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lowsky.errors import FieldViolation, Precondition
from lowsky.findings.finding import Finding, Rule, Severity
from lowsky.flightplans.domain.proposal import Proposal
from lowsky.geo.heights.altitude import Datum
from lowsky.geo.volumes.trajectory import Trajectory
from lowsky.priority import Priority

AHEAD: Final = timedelta(days=30)
"""ASTM F3548-21, OiMaxPlanHorizonDays: the default where no authority states another horizon."""

AHEAD_MAX: Final = timedelta(days=90)
"""The longest horizon that an authority may state (US LAANC; Authority.filing_horizon_days): the airspace further ahead
is unknown."""

CLOCK_SKEW: Final = timedelta(seconds=5)
"""Allows a client whose clock is slightly slow to depart "now"."""

SPEED_TOLERANCE: Final = 1.1
"""Trajectories imply a ground speed, aircraft state their airspeed: this allows for some tailwind."""


@dataclass(frozen=True, slots=True)
class OperatorStanding:
    """The last published state of an operator's registration."""

    state: str
    insurance_expire_time: datetime | None
    priority_max: int = Priority.ORDINARY
    """The highest priority that its flights may claim."""
    kind: str = ""
    """Its legal form: ENTERPRISE, PUBLIC_BODY or NATURAL_PERSON; empty if unknown."""
    certified: bool = False
    """Whether it states an operation certificate."""
    certificate_expire_time: datetime | None = None
    """None: it does not expire."""


@dataclass(frozen=True, slots=True)
class AircraftStanding:
    """The last published state of an aircraft's registration."""

    active: bool
    max_speed_mps: float
    max_height_m: float | None
    category: str = ""
    """MICRO, LIGHT, SMALL, MEDIUM or LARGE; empty if unknown."""
    max_takeoff_mass_kg: float | None = None


@dataclass(frozen=True, slots=True)
class Horizon:
    """How far ahead a flight may be submitted, and the authority that sets this limit."""

    ahead: timedelta = AHEAD
    authority: str = ""
    """Resource name; empty if the flight concerns no authority."""
    title: str = ""


def require_in_time(departure: datetime, now: datetime, horizon: Horizon) -> None:
    """Requires a departure that is neither in the past nor further ahead than the authorities concerned accept.

    Raises:
        Precondition: START_IN_PAST or START_TOO_FAR_AHEAD.
    """
    if departure < now - CLOCK_SKEW:
        raise _refuse(
            "START_IN_PAST", f"the flight starts at {departure.isoformat()}, which is in the past", "flight_plan"
        )
    latest = now + horizon.ahead
    if departure > latest:
        limit = (
            f"{horizon.title or horizon.authority} accepts flights"
            if horizon.authority
            else "flights that concern no authority are accepted"
        )
        authority = {"authority": horizon.authority} if horizon.authority else {}
        raise _refuse(
            "START_TOO_FAR_AHEAD",
            f"the flight starts at {departure.isoformat()}; {limit} at most {horizon.ahead.days} days ahead, now until "
            f"{latest.isoformat()}: submit the plan again nearer to its start",
            "flight_plan",
            latest=latest.isoformat(),
            **authority,
        )


def require_standing(
    operator: str,
    aircraft: str,
    operator_standing: OperatorStanding | None,
    aircraft_standing: AircraftStanding | None,
) -> tuple[OperatorStanding, AircraftStanding]:
    """Requires a verified operator with an active aircraft of its own, and returns both.

    Raises:
        Precondition: With the reason and the field.
    """
    if operator_standing is None:
        raise _refuse("OPERATOR_UNKNOWN", f"{operator} is not registered", "parent")
    if operator_standing.state != "VERIFIED":
        raise _refuse(
            "OPERATOR_NOT_IN_GOOD_STANDING",
            f"{operator} is {operator_standing.state}: only a verified operator may fly",
            "parent",
            state=operator_standing.state,
        )
    # Another operator's aircraft is reported like one that does not exist.
    if aircraft_standing is None or not aircraft.startswith(f"{operator}/"):
        raise _refuse("AIRCRAFT_UNKNOWN", f"{operator} has no aircraft {aircraft}", "flight_plan.aircraft")
    if not aircraft_standing.active:
        raise _refuse("AIRCRAFT_RETIRED", f"{aircraft} is retired", "flight_plan.aircraft")
    return operator_standing, aircraft_standing


def require_entitled(
    priority: int, operator_standing: OperatorStanding | None, field: str = "flight_plan.priority"
) -> None:
    """Requires a priority that the operator's flights may claim; an unknown operator may claim only the ordinary one.

    Args:
        priority: One of those of the contract.

    Raises:
        Precondition: PRIORITY_NOT_ENTITLED.
    """
    entitled = operator_standing.priority_max if operator_standing else Priority.ORDINARY
    if priority > entitled:
        most = Priority(entitled).name
        raise _refuse(
            "PRIORITY_NOT_ENTITLED",
            f"the flight claims the priority {Priority(priority).name}; its operator is entitled to at most {most}",
            field,
            priority_max=most,
        )


def performance(
    proposal: Proposal, aircraft: AircraftStanding, flight_s: float, speeds: NDArray[np.float64] | None = None
) -> Iterator[Finding]:
    """A finding for each limit of the aircraft that the plan exceeds.

    Args:
        flight_s: From departure to the last waypoint, or from the first to the last instant of the volumes.
        speeds: Ground speeds on the legs of a trajectory, in m/s, if already computed.
    """
    if proposal.endurance_s is not None and flight_s > proposal.endurance_s:
        yield _beyond(
            Rule.ENDURANCE_EXCEEDED,
            proposal.aircraft,
            (),
            f"The flight takes {flight_s / 60:.0f} min; the stated endurance is {proposal.endurance_s / 60:.0f} min.",
        )
    trajectory = proposal.airspace
    if not isinstance(trajectory, Trajectory):
        return
    if speeds is None:
        speeds = trajectory.ground_speeds_m_s()
    fast = np.flatnonzero(speeds > SPEED_TOLERANCE * aircraft.max_speed_mps)
    if fast.size:
        yield _beyond(
            Rule.SPEED_EXCEEDS_AIRCRAFT,
            proposal.aircraft,
            tuple(fast.tolist()),
            f"Leg {fast[0] + 1} needs {speeds[fast[0]]:.1f} m/s over the ground; the aircraft flies at most "
            f"{aircraft.max_speed_mps:.1f} m/s. Give the leg more time.",
        )
    if aircraft.max_height_m is not None:
        above_ground = trajectory.datums == Datum.AGL.code
        high = np.flatnonzero(above_ground & (trajectory.altitudes_m > aircraft.max_height_m))
        if high.size:
            legs = sorted({min(int(at), trajectory.leg_count - 1) for at in high})
            yield _beyond(
                Rule.HEIGHT_EXCEEDS_AIRCRAFT,
                proposal.aircraft,
                tuple(legs),
                f"Waypoint {high[0] + 1} lies {trajectory.altitudes_m[high[0]]:.0f} m above ground; the aircraft flies "
                f"at most {aircraft.max_height_m:.0f} m high.",
            )


def _beyond(rule: Rule, aircraft: str, volumes: tuple[int, ...], message: str) -> Finding:
    return Finding(rule, Severity.BLOCKING, aircraft, aircraft.rpartition("/")[2], volumes, message)


def _refuse(reason: str, message: str, field: str, **metadata: str) -> Precondition:
    return Precondition(reason, message, metadata=metadata, fields=[FieldViolation(field, message, reason)])
