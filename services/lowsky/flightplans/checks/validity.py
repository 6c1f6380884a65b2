"""Validity: whether the plan makes sense by itself, for this operator and this aircraft, at this time.

What makes a request senseless is refused with an error and the field at fault; what the aircraft cannot do is a finding
that rejects the plan.
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
"""ASTM F3548-21, OiMaxPlanHorizonDays: what holds where no authority says otherwise."""

AHEAD_MAX: Final = timedelta(days=90)
"""The most that an authority may say (US LAANC; Authority.filing_horizon_days): further ahead nobody can say what the
airspace will be."""

CLOCK_SKEW: Final = timedelta(seconds=5)
"""A client whose clock is a little behind may say "now"."""

SPEED_TOLERANCE: Final = 1.1
"""Trajectories state speed over the ground, aircraft their speed in still air: some tailwind is allowed for."""


@dataclass(frozen=True, slots=True)
class OperatorStanding:
    """What registration last said of an operator."""

    state: str
    insurance_expire_time: datetime | None
    priority_max: int = Priority.ORDINARY
    """The highest priority that its flights may claim."""
    kind: str = ""
    """What it is in law: ENTERPRISE, PUBLIC_BODY or NATURAL_PERSON; empty where that is not known."""
    certified: bool = False
    """Whether it states an operation certificate."""
    certificate_expire_time: datetime | None = None
    """None: it does not end."""


@dataclass(frozen=True, slots=True)
class AircraftStanding:
    """What registration last said of an aircraft."""

    active: bool
    max_speed_mps: float
    max_height_m: float | None
    category: str = ""
    """MICRO, LIGHT, SMALL, MEDIUM or LARGE; empty where it is not known."""
    max_takeoff_mass_kg: float | None = None


@dataclass(frozen=True, slots=True)
class Horizon:
    """How far ahead a flight may be asked for, and who says so."""

    ahead: timedelta = AHEAD
    authority: str = ""
    """Resource name; empty where the flight meets no authority."""
    title: str = ""


def require_in_time(departure: datetime, now: datetime, horizon: Horizon) -> None:
    """Neither in the past nor further ahead than the authorities concerned take requests.

    Raises:
        Precondition: START_IN_PAST or START_TOO_FAR_AHEAD.
    """
    if departure < now - CLOCK_SKEW:
        raise _refuse("START_IN_PAST", f"the flight starts at {departure.isoformat()}, which is past", "flight_plan")
    latest = now + horizon.ahead
    if departure > latest:
        who = (
            f"{horizon.title or horizon.authority} takes"
            if horizon.authority
            else "flights where no authority is met are taken"
        )
        said = {"authority": horizon.authority} if horizon.authority else {}
        raise _refuse(
            "START_TOO_FAR_AHEAD",
            f"the flight starts at {departure.isoformat()}; {who} {horizon.ahead.days} days ahead at most, now until "
            f"{latest.isoformat()}: ask again nearer to it",
            "flight_plan",
            latest=latest.isoformat(),
            **said,
        )


def require_standing(
    operator: str,
    aircraft: str,
    operator_standing: OperatorStanding | None,
    aircraft_standing: AircraftStanding | None,
) -> tuple[OperatorStanding, AircraftStanding]:
    """A verified operator with an active aircraft of its own; both are given back.

    Raises:
        Precondition: With the reason, and the field at fault.
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
    # Another operator's aircraft is as unknown as one that does not exist.
    if aircraft_standing is None or not aircraft.startswith(f"{operator}/"):
        raise _refuse("AIRCRAFT_UNKNOWN", f"{operator} has no aircraft {aircraft}", "flight_plan.aircraft")
    if not aircraft_standing.active:
        raise _refuse("AIRCRAFT_RETIRED", f"{aircraft} is retired", "flight_plan.aircraft")
    return operator_standing, aircraft_standing


def require_entitled(
    priority: int, operator_standing: OperatorStanding | None, field: str = "flight_plan.priority"
) -> None:
    """A priority that the operator's flights may claim; of an operator that is not known, the ordinary one alone.

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
            f"the flight claims the priority {Priority(priority).name}; its operator is entitled to {most} at most",
            field,
            priority_max=most,
        )


def performance(
    proposal: Proposal, aircraft: AircraftStanding, flight_s: float, speeds: NDArray[np.float64] | None = None
) -> Iterator[Finding]:
    """What the aircraft cannot do.

    Args:
        flight_s: From departure to the last waypoint, or from the first to the last instant of the volumes.
        speeds: Of the legs of a trajectory over the ground, in m/s, where they are known already.
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
            f"Leg {fast[0] + 1} asks for {speeds[fast[0]]:.1f} m/s over the ground; the aircraft flies at most "
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
