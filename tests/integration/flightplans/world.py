"""The world around flightplans: what registration, airspace and approvals would say on Kafka, said by the test.

Services meet only there, so a test that says the same in the same words stands for them.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import uuid4

import grpc
import shapely
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from lowsky.api.airspace.v1 import authorities_pb2, geozones_pb2
from lowsky.api.approvals.v1 import approvals_pb2
from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.events.v1 import events_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.flightplans.v1 import flight_plans_pb2_grpc
from lowsky.api.geo.v1 import geo_pb2
from lowsky.api.registration.v1 import aircraft_pb2, operators_pb2
from lowsky.events import topics
from lowsky.events.event import Event, to_headers
from tests.support.errors import error_of
from tests.support.installation import Installation
from tests.support.plan_contents import contents
from tests.support.polling import eventually

OPERATOR, FOREIGN = "operators/acme", "operators/rival"
FLEET = 400
"""Aircraft of each: an aircraft flies one plan at a time."""
TOWER, PORT = "authorities/tower", "authorities/port"
SERVICE = "flightplans"

# The western zone is closed, the eastern one is the tower's, the northern one the port's; the south is clear.
CLOSED, TOWERS, PORTS = "geozones/city.closed", "geozones/city.towers", "geozones/city.ports"
WEST, EAST, NORTH, SOUTH = (113.0, 22.0), (114.0, 22.0), (113.5, 23.0), (113.5, 21.0)

AGL = geo_pb2.ALTITUDE_DATUM_AGL
ACTIVE, RETIRED = aircraft_pb2.Aircraft.STATE_ACTIVE, aircraft_pb2.Aircraft.STATE_RETIRED
VERIFIED, SUSPENDED = operators_pb2.Operator.STATE_VERIFIED, operators_pb2.Operator.STATE_SUSPENDED

if TYPE_CHECKING:
    Stub: TypeAlias = flight_plans_pb2_grpc.FlightPlansServiceAsyncStub  # of the type stubs only
else:
    Stub = flight_plans_pb2_grpc.FlightPlansServiceStub


def timestamp(moment: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def in_(**delta: float) -> datetime:
    return datetime.now(UTC) + timedelta(**delta)


class World:
    """Says what the other services would say, and calls flightplans as its users do."""

    def __init__(self, installation: Installation) -> None:
        global _slots, _places, _drones
        self.installation = installation
        self.revision = 0
        _slots, _places, _drones = itertools.count(), itertools.count(), itertools.count()  # a new world holds nothing

    async def tell(self, events: Iterable[Event]) -> None:
        """Publishes events, those of a key in order, and returns when the brokers have them."""
        producer = self.installation.kafka.producer()
        await producer.start()
        try:
            sent = [
                await producer.send(
                    self.installation.kafka.topic(event.topic),
                    event.value,
                    key=event.key.encode(),
                    headers=to_headers(event),
                )
                for event in events
            ]
            await asyncio.gather(*sent)
        finally:
            await producer.stop()

    async def inhabit(self) -> None:
        """Two operators with their fleets, and an airspace of three zones, in force on every worker."""
        await self.tell([*registered(OPERATOR), *registered(FOREIGN)])
        await self.publish_zones(
            zone(CLOSED, WEST, geozones_pb2.RESTRICTION_PROHIBITED),
            zone(TOWERS, EAST, geozones_pb2.RESTRICTION_REQ_AUTHORIZATION, deciding=[TOWER]),
            zone(PORTS, NORTH, geozones_pb2.RESTRICTION_REQ_AUTHORIZATION, deciding=[PORT]),
        )

    async def publish_zones(self, *zones: geozones_pb2.Geozone, dataset: str = "datasets/city") -> None:
        """An import of a dataset, and waits until it is in force."""
        self.revision += 1
        await self.tell([*(zone_event(message) for message in zones), imported(dataset, self.revision, len(zones))])
        await self.wait_for_revision()

    async def wait_for_revision(self) -> None:
        """Waits until a dry run is checked against the airspace of the present revision."""

        async def checked() -> bool:
            try:
                plan = (await self.submit(validate_only=True, departure=in_(hours=1))).flight_plan
            except grpc.aio.AioRpcError as error:
                assert error_of(error).reason == "NO_AIRSPACE"
                return False
            return plan.airspace_revision == self.revision

        await eventually(checked, what=f"airspace revision {self.revision} in force")

    def stub(self, instance: str = "1", **claims: Any) -> Stub:
        """The operator's, unless the token is to say something else."""
        said = {"roles": ["operator"], "operator": OPERATOR, "subject": "pilot", **claims}
        return self.installation.stub(Stub, SERVICE, self.installation.token(**said), instance=instance)

    def officer(self, authority: str = TOWER, **claims: Any) -> Stub:
        return self.stub(
            **{"roles": ["officer"], "operator": None, "authority": authority, "subject": "officer", **claims}
        )

    async def submit(self, at: tuple[float, float] = SOUTH, **fields: Any) -> pb.SubmitFlightPlanResponse:
        return await self.stub().SubmitFlightPlan(submission(at, **fields))

    async def verdict(self, plan: pb.FlightPlan, what: str, **fields: Any) -> Event:
        """What approvals says of the case of a plan."""
        event = approval(plan, what, **fields)
        await self.tell([event])
        return event

    async def state_of(self, name: str) -> str:
        plan = (await self.stub().GetFlightPlan(pb.GetFlightPlanRequest(name=name))).flight_plan
        return state(plan)

    async def wait_state(self, name: str, wanted: str) -> pb.FlightPlan:
        async def reached() -> pb.FlightPlan | None:
            plan = (await self.stub().GetFlightPlan(pb.GetFlightPlanRequest(name=name))).flight_plan
            assert state(plan) == wanted
            return plan

        found = await eventually(reached, what=f"{name} {wanted}")
        assert found is not None
        return found

    async def told_of(self, name: str) -> list[str]:
        """What the topic says of a plan, in order: `submitted`, …; an event that a killed service emitted again counts
        once, as for every consumer."""
        events = await self.installation.events(topics.FLIGHT_PLANS)
        once = {event.id: event.type.split(".")[2] for event, _ in events if event.key == name}
        return list(once.values())

    async def wait_told(self, name: str, *wanted: str) -> None:
        async def told() -> bool:
            assert await self.told_of(name) == list(wanted)
            return True

        await eventually(told, what=f"{wanted} of {name} on the topic")


def state(plan: pb.FlightPlan) -> str:
    return pb.State.Name(plan.state).removeprefix("STATE_")


def waypoints(at: tuple[float, float], *, height_m: float = 100, leg_s: float = 60) -> list[assessment_pb2.Waypoint]:
    """A kilometre and a half of flight around a place."""
    longitude, latitude = at
    return [
        assessment_pb2.Waypoint(
            longitude=longitude + step * 0.005,
            latitude=latitude,
            altitude_m=height_m,
            altitude_datum=AGL,
            offset_s=step * leg_s,
        )
        for step in range(4)
    ]


_slots, _places, _drones = itertools.count(), itertools.count(), itertools.count()


def a_free_time() -> datetime:
    """An hour ahead or later: no two flights of some minutes that leave then are in each other's way."""
    return in_(hours=1, minutes=5 * next(_slots))


def a_free_place() -> tuple[float, float]:
    """Clear of the zones: flights that begin in two such places are not in each other's way, whenever they leave."""
    row, column = divmod(next(_places), 50)
    return 114.5 + 0.03 * column, 20.5 - 0.03 * row


def drone(number: int, of: str = OPERATOR) -> str:
    """One of the aircraft of an operator."""
    return f"{of}/aircraft/a{number % FLEET}"


def a_drone(of: str = OPERATOR) -> str:
    """Another aircraft of an operator each time, as long as its fleet lasts."""
    return drone(next(_drones), of)


def flight_plan(at: tuple[float, float] = SOUTH, departure: datetime | None = None, **fields: Any) -> pb.FlightPlan:
    """A plan of three legs and four minutes, at a free time unless it is said when, by an aircraft of its own unless it
    is said by which."""
    trajectory = assessment_pb2.Trajectory(
        departure_time=timestamp(departure or a_free_time()),
        waypoints=fields.pop("waypoints", None) or waypoints(at),
        horizontal_buffer_m=20,
        vertical_buffer_m=10,
        time_buffer=Duration(seconds=30),
    )
    usual = {**contents(), "aircraft": fields.pop("aircraft", None) or a_drone()}
    airspace: dict[str, Any] = {} if "volumes" in fields else {"trajectory": trajectory}
    return pb.FlightPlan(**{**usual, **airspace, **fields})


def submission(
    at: tuple[float, float] = SOUTH,
    plan: pb.FlightPlan | None = None,
    *,
    parent: str = OPERATOR,
    request_id: str | None = None,
    wait_s: float = 0,
    validate_only: bool = False,
    **fields: Any,
) -> pb.SubmitFlightPlanRequest:
    request = pb.SubmitFlightPlanRequest(
        request_id=request_id or str(uuid4()),
        parent=parent,
        flight_plan=plan or flight_plan(at, **fields),
        validate_only=validate_only,
    )
    if wait_s:
        request.wait_for_decision.FromMilliseconds(round(wait_s * 1000))
    return request


def operator(
    name: str,
    state: operators_pb2.Operator.State.ValueType = VERIFIED,
    insured_until: datetime | None = None,
    priority_max: assessment_pb2.Priority.ValueType = assessment_pb2.PRIORITY_UNSPECIFIED,
    *,
    lacking: Sequence[str] = (),
) -> Event:
    """With insurance and a certificate, which most of its flights need, but for the fields that it lacks."""
    message = operators_pb2.Operator(
        name=name,
        display_name=name,
        kind=operators_pb2.Operator.KIND_ENTERPRISE,
        state=state,
        priority_max=priority_max,
        certificate=operators_pb2.OperationCertificate(number="C1"),
    )
    message.insurance_expire_time.FromDatetime(insured_until or in_(days=365))
    for field in lacking:
        message.ClearField(field)  # type: ignore[arg-type]  # names of fields
    value = events_pb2.OperatorEvent(operator=message).SerializeToString()
    return Event(topics.OPERATORS, name, "lowsky.operator.updated.v1", value, datetime.now(UTC))


def registered(name: str) -> list[Event]:
    """An operator and its fleet."""
    return [operator(name), *(aircraft(drone(number, name)) for number in range(FLEET))]


def aircraft(name: str, state: aircraft_pb2.Aircraft.State.ValueType = ACTIVE, **fields: Any) -> Event:
    message = aircraft_pb2.Aircraft(
        name=name, state=state, **{"max_speed_mps": 30.0, "category": aircraft_pb2.Aircraft.CATEGORY_SMALL, **fields}
    )
    value = events_pb2.AircraftEvent(aircraft=message).SerializeToString()
    return Event(topics.OPERATORS, name, "lowsky.aircraft.updated.v1", value, datetime.now(UTC))


def authority(
    name: str, country: str, filing_horizon_days: int = 0, ground: Sequence[tuple[float, float]] = ()
) -> Event:
    """One that answers within an outline, where flying is open unless a zone says otherwise; without one, nowhere."""
    message = authorities_pb2.Authority(
        name=name,
        display_name=f"The {name.rpartition('/')[2]}",
        country=country,
        filing_horizon_days=filing_horizon_days,
    )
    if ground:
        corners = [geo_pb2.LatLng(longitude=longitude, latitude=latitude) for longitude, latitude in ground]
        message.area.polygons.add(shell=geo_pb2.Polygon(vertices=corners))
    value = events_pb2.AuthorityEvent(authority=message).SerializeToString()
    return Event(topics.AUTHORITIES, name, "lowsky.authority.updated.v1", value, datetime.now(UTC))


def zone(
    name: str,
    at: tuple[float, float],
    restriction: geozones_pb2.Restriction.ValueType,
    *,
    deciding: Sequence[str] = (),
    notified: Sequence[str] = (),
    lower_m: float = 0,
    upper_m: float = 500,
) -> geozones_pb2.Geozone:
    """A square of some ten kilometres around a place."""
    longitude, latitude = at
    purposes = geozones_pb2.AUTHORITY_PURPOSE_AUTHORIZATION, geozones_pb2.AUTHORITY_PURPOSE_NOTIFICATION
    dataset, _, identifier = name.removeprefix("geozones/").partition(".")
    return geozones_pb2.Geozone(
        name=name,
        dataset=f"datasets/{dataset}",
        identifier=identifier,
        country="CHN",
        titles=[geo_pb2.LocalizedText(language="en", text=f"Zone {identifier}")],
        restriction=restriction,
        layers=[
            geozones_pb2.Layer(
                outline_wkb=shapely.to_wkb(
                    shapely.box(longitude - 0.05, latitude - 0.05, longitude + 0.05, latitude + 0.05)
                ),
                altitude=geo_pb2.AltitudeBand(lower_m=lower_m, lower_datum=AGL, upper_m=upper_m, upper_datum=AGL),
            )
        ],
        authorities=[
            geozones_pb2.ZoneAuthority(authority=authority, purpose=purpose)
            for purpose, names in zip(purposes, (deciding, notified), strict=True)
            for authority in names
        ],
    )


def zone_event(message: geozones_pb2.Geozone) -> Event:
    value = events_pb2.GeozoneEvent(geozone=message).SerializeToString()
    return Event(topics.GEOZONES, message.name, "lowsky.geozone.published.v1", value, datetime.now(UTC))


def zone_removed(name: str) -> Event:
    return Event(topics.GEOZONES, name, "lowsky.geozone.removed.v1", None, datetime.now(UTC))


def imported(dataset: str, revision: int, count: int) -> Event:
    message = geozones_pb2.Dataset(
        name=dataset, version=revision, airspace_revision=revision, geozone_count=count, authority=TOWER
    )
    value = events_pb2.DatasetEvent(dataset=message).SerializeToString()
    return Event(topics.GEOZONES, dataset, "lowsky.dataset.imported.v1", value, datetime.now(UTC))


def approval(plan: pb.FlightPlan, what: str, *, reason: str = "", automatic: bool = False) -> Event:
    """An event of the case of a plan: opened, granted, rejected, expired, rescinded."""
    outcome = {
        "granted": approvals_pb2.Decision.OUTCOME_GRANTED,
        "rejected": approvals_pb2.Decision.OUTCOME_REJECTED,
    }.get(what, approvals_pb2.Decision.OUTCOME_PENDING)
    case = plan.name.rpartition("/")[2]
    message = approvals_pb2.Approval(
        name=f"approvals/{case}",
        number="LS-2026-0000042",
        flight_plan=plan,
        automatic=automatic,
        decisions=[] if automatic else [approvals_pb2.Decision(authority=TOWER, outcome=outcome, reason=reason)],
    )
    if what == "rescinded":
        message.rescission.authority, message.rescission.reason = TOWER, reason
    value = events_pb2.ApprovalEvent(approval=message).SerializeToString()
    return Event(topics.APPROVALS, message.name, f"lowsky.approval.{what}.v1", value, datetime.now(UTC))
