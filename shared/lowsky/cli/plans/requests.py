"""Converts a file to a request: a mission with buffers and a take-off time, or a complete FlightPlan message."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lowsky.cli.deferred import deferred
from lowsky.cli.problems import invalid
from lowsky.cli.values import enum_name, show_time
from lowsky.text_files import decode

if TYPE_CHECKING:
    from lowsky import missions
    from lowsky.api.assessment.v1 import assessment_pb2
    from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
    from lowsky.api.geo.v1 import geo_pb2
    from lowsky.cli.plans import messages
    from lowsky.client import missions as client_missions
    from lowsky.client import profiles
else:
    missions = deferred("lowsky.missions")
    messages = deferred("lowsky.cli.plans.messages")
    client_missions = deferred("lowsky.client.missions")
    profiles = deferred("lowsky.client.profiles")
    assessment_pb2 = deferred("lowsky.api.assessment.v1.assessment_pb2")
    pb = deferred("lowsky.api.flightplans.v1.flight_plans_pb2")
    geo_pb2 = deferred("lowsky.api.geo.v1.geo_pb2")


DEPART_IN = timedelta(minutes=5)
"""Delay of take-off if no time is given: long enough to read the answer, short enough to mean now."""

BUFFER_M_MAX = 5_000.0
"""The limit of the API (Trajectory.horizontal_buffer_m)."""

FILE_BYTES_MAX = 16 * 1024 * 1024

_DATUM_TEXTS: dict[missions.Datum, str] = {
    "AGL": "above ground level",
    "AMSL": "above mean sea level",
    "WGS84": "above the WGS 84 ellipsoid",
    "TAKEOFF": "above the take-off point",
}


@dataclass(frozen=True, slots=True)
class Wishes:
    """The options of the command line for a file; None if not given."""

    aircraft: str | None
    depart: datetime | None
    buffer_m: float
    vertical_buffer_m: float
    time_buffer_s: float
    purpose: pb.FlightPlan.Purpose.ValueType | None
    mode: pb.FlightPlan.Mode.ValueType | None
    commercial: bool | None
    priority: assessment_pb2.Priority.ValueType | None
    reference: str | None
    endurance_min: float | None
    return_altitude_m: float | None
    special_activities: tuple[pb.SpecialActivity.ValueType, ...]
    lost_link: str | None
    profile: pb.FlightPlan | None
    """Fields that all flights have in common; those of their files take precedence."""
    reference_system: geo_pb2.ReferenceSystem.ValueType

    @classmethod
    def of_airspace(
        cls,
        depart: datetime | None,
        *,
        buffer_m: float,
        vertical_buffer_m: float,
        time_buffer_s: float,
        return_altitude_m: float | None,
        reference_system: geo_pb2.ReferenceSystem.ValueType,
    ) -> Wishes:
        """Only the options about where and when to fly."""
        return cls(
            aircraft=None,
            depart=depart,
            buffer_m=buffer_m,
            vertical_buffer_m=vertical_buffer_m,
            time_buffer_s=time_buffer_s,
            purpose=None,
            mode=None,
            commercial=None,
            priority=None,
            reference=None,
            endurance_min=None,
            return_altitude_m=return_altitude_m,
            special_activities=(),
            lost_link=None,
            profile=None,
            reference_system=reference_system,
        )


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan ready to be sent, and the assumptions made, for the operator to read."""

    plan: pb.FlightPlan
    remarks: tuple[str, ...]


def prepare(file: Path, wishes: Wishes, now: datetime) -> Prepared:
    """Reads a mission (.plan) or a FlightPlan message (.json)."""
    plan, remarks = _airspace(file, wishes, now)
    _complete(plan, wishes)
    return Prepared(plan, tuple(remarks))


def prepare_message(plan: pb.FlightPlan, wishes: Wishes, now: datetime) -> Prepared:
    """As prepare, for a FlightPlan message that was read already; modifies the message."""
    remarks: list[str] = []
    _require_finite(wishes)
    _require_airspace(plan, "the message")
    _set_departure(plan, wishes, now, remarks)
    _set_reference_system(plan, wishes.reference_system)
    _complete(plan, wishes)
    return Prepared(plan, tuple(remarks))


def operator_of(plan: pb.FlightPlan) -> str:
    """operators/{operator} of the aircraft."""
    return plan.aircraft.partition("/aircraft/")[0]


def prepare_airspace(file: Path, wishes: Wishes, now: datetime) -> Prepared:
    """As prepare, without an aircraft: only where and when to fly."""
    plan, remarks = _airspace(file, wishes, now)
    return Prepared(plan, tuple(remarks))


def volumes_in(file: Path, system: geo_pb2.ReferenceSystem.ValueType) -> assessment_pb2.Volumes:
    """The volumes of a FlightPlan message (.json), in the reference system of the command line, if given."""
    plan = read_message(file)
    if plan.WhichOneof("airspace") != "volumes":
        raise invalid("VOLUMES_MISSING", f"{file} has a trajectory; volumes are needed here")
    _set_reference_system(plan, system)
    return plan.volumes


def _complete(plan: pb.FlightPlan, wishes: Wishes) -> None:
    """Completes a plan: the command line takes precedence over the file, and the file over the profile."""
    if wishes.profile is not None:
        profiles.fill_from(plan, wishes.profile)
    if wishes.commercial is not None:
        plan.commercial = wishes.commercial
    elif not plan.HasField("commercial"):
        plan.commercial = client_missions.USUAL.commercial
    if wishes.aircraft:
        plan.aircraft = wishes.aircraft
    if not plan.aircraft:
        raise invalid("AIRCRAFT_MISSING", "no aircraft is named", "give --aircraft operators/acme/aircraft/d1")
    plan.purpose = wishes.purpose or plan.purpose
    plan.mode = wishes.mode or plan.mode
    plan.priority = wishes.priority or plan.priority
    plan.reference = plan.reference if wishes.reference is None else wishes.reference
    plan.lost_link_procedure = plan.lost_link_procedure if wishes.lost_link is None else wishes.lost_link
    if wishes.special_activities:
        plan.special_activities[:] = wishes.special_activities
    if wishes.endurance_min is not None:
        plan.endurance.FromTimedelta(timedelta(minutes=wishes.endurance_min))
    # The defaults that the options' help states, for messages as for missions.
    profiles.fill_from(plan, client_missions.USUAL)


def _airspace(file: Path, wishes: Wishes, now: datetime) -> tuple[pb.FlightPlan, list[str]]:
    _require_finite(wishes)
    remarks: list[str] = []
    if file.suffix.lower() == ".json":
        plan = read_message(file)
        _set_departure(plan, wishes, now, remarks)
    else:
        mission = missions.read(file, return_altitude_m=wishes.return_altitude_m)
        plan = pb.FlightPlan()
        if wishes.profile is not None:
            profiles.fill_from(plan, wishes.profile)
        profiles.fill_from(plan, client_missions.USUAL)
        _set_trajectory(plan, mission, wishes, remarks)
        _set_departure(plan, wishes, now, remarks)
        remarks += mission.assumptions
    _set_reference_system(plan, wishes.reference_system)
    return plan, remarks


def _require_finite(wishes: Wishes) -> None:
    """Refuses nan, which passes checks of a range."""
    numbers = {
        "--buffer": wishes.buffer_m,
        "--vertical-buffer": wishes.vertical_buffer_m,
        "--time-buffer": wishes.time_buffer_s,
        "--endurance": wishes.endurance_min,
    }
    for option, number in numbers.items():
        if number is not None and not math.isfinite(number):
            raise invalid("INVALID_NUMBER", f"{option} {number} is no finite number")


def read_message(file: Path) -> pb.FlightPlan:
    """A FlightPlan message (.json)."""
    plan = messages.parsed(json_in(file), pb.FlightPlan, "UNREADABLE_FILE", str(file))
    _require_airspace(plan, str(file))
    return plan


def json_in(file: Path) -> Any:
    """Reads a JSON file.

    Raises:
        Problem: It is too large, not text, not JSON, or has a duplicate field.
    """
    with file.open("rb") as opened:
        data = opened.read(FILE_BYTES_MAX + 1)
    if len(data) > FILE_BYTES_MAX:
        raise invalid("TOO_LARGE", f"{file} holds more than {FILE_BYTES_MAX // 2**20} MiB")
    try:
        return messages.json_of(decode(data))
    except (ValueError, RecursionError) as error:
        raise invalid(
            "UNREADABLE_FILE",
            f"{file} is no FlightPlan message in protobuf JSON: {str(error)[:500]}",
            "`lowsky plan show NAME --output json` shows one",
        ) from None


def _require_airspace(plan: pb.FlightPlan, where: str) -> None:
    if plan.WhichOneof("airspace") is None:
        raise invalid("AIRSPACE_MISSING", f"{where} has neither a trajectory nor volumes")


def _set_trajectory(plan: pb.FlightPlan, mission: missions.Mission, wishes: Wishes, remarks: list[str]) -> None:
    radius_m = client_missions.loiter_radius_m(mission)
    buffer_m = wishes.buffer_m + radius_m
    if buffer_m > BUFFER_M_MAX:
        circling = f" and the {radius_m:g} m on which the aircraft circles are" if radius_m else " is"
        raise invalid(
            "BUFFER_TOO_LARGE", f"a buffer of {wishes.buffer_m:g} m{circling} more than {BUFFER_M_MAX:g} m to each side"
        )
    plan.trajectory.CopyFrom(
        client_missions.trajectory_of(
            mission,
            horizontal_buffer_m=wishes.buffer_m,
            vertical_buffer_m=wishes.vertical_buffer_m,
            time_buffer=timedelta(seconds=wishes.time_buffer_s),
        )
    )
    circling = f", {radius_m:g} m of it because the aircraft circles" if radius_m else ""
    remarks.append(
        f"The corridor reaches {buffer_m:g} m to each side{circling}, {wishes.vertical_buffer_m:g} m up and down, "
        f"and {wishes.time_buffer_s:g} s before and after."
    )
    datums = dict.fromkeys(_DATUM_TEXTS[point.datum] for point in mission.waypoints)
    ground = "" if mission.takeoff_amsl_m is None else f"; take-off ground at {mission.takeoff_amsl_m:g} m AMSL"
    remarks.append(f"Altitudes are {' and '.join(datums)}{ground}.")
    minutes, seconds = divmod(round(mission.duration_s), 60)
    remarks.append(f"The flight takes {minutes} min {seconds:02d} s, over {len(mission.waypoints)} waypoints.")


def _set_reference_system(plan: pb.FlightPlan, system: geo_pb2.ReferenceSystem.ValueType) -> None:
    """Sets the reference system; refuses a file that contradicts the command line."""
    airspace = plan.trajectory if plan.WhichOneof("airspace") == "trajectory" else plan.volumes
    if not system or airspace.reference_system == system:
        return
    if airspace.reference_system:
        own, asked = (enum_name(geo_pb2.ReferenceSystem, one) for one in (airspace.reference_system, system))
        message = f"the file says that it is in {own}, --reference-system says {asked}"
        raise invalid("REFERENCE_SYSTEM_CONTRADICTED", message, "leave --reference-system out, or correct the file")
    airspace.reference_system = system


def _set_departure(plan: pb.FlightPlan, wishes: Wishes, now: datetime, remarks: list[str]) -> None:
    if plan.WhichOneof("airspace") == "volumes":
        if wishes.depart is not None:
            raise invalid("DEPARTURE_IN_VOLUMES", "ready-made volumes bring their own times", "leave --depart out")
        return
    if wishes.depart is None and plan.trajectory.HasField("departure_time"):
        return
    depart = wishes.depart or (now + DEPART_IN).replace(microsecond=0)
    plan.trajectory.departure_time.FromDatetime(depart.astimezone(UTC))
    said = "" if wishes.depart is not None else " (no --depart given: five minutes from now)"
    remarks.insert(0, f"Take-off is at {show_time(depart, seconds=True)}{said}.")
