"""Applies the events of operators and aircraft to the projection of their standing."""

from __future__ import annotations

from datetime import UTC

import structlog

from lowsky.api.events.v1 import events_pb2
from lowsky.api.registration.v1 import aircraft_pb2, operators_pb2
from lowsky.events.event import Event
from lowsky.events.watching.tail import Positions
from lowsky.flightplans.checks.validity import AircraftStanding, OperatorStanding
from lowsky.flightplans.projections.standing import Standing
from lowsky.open_enums import known_name_of, name_of

log = structlog.get_logger()


class OnOperators:
    """Consumes lowsky.operators.v1. A state that a later version added is not a good standing. A kind or category that
    a later version added counts as unknown, to which the requirements of every kind or category apply."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing

    def __call__(self, event: Event, _positions: Positions) -> None:
        if event.value is None:
            self._standing.forget(event.key)
            return
        try:
            self._learn(event, event.value)
        except Exception as error:
            # Whatever the cause. The unreadable event may revoke the last known standing, which is therefore forgotten.
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
            log.warning("an event of a later version is skipped", key=event.key, type=event.type)
