"""What the flightplans service is made of."""

from __future__ import annotations

from collections.abc import Callable

from lowsky.api.flightplans.v1 import flight_plans_pb2_grpc
from lowsky.events.watching.tail import Listener, Tail
from lowsky.events.watching.watch import Broadcast
from lowsky.flightplans.codec.plans import airspace_again, as_kept, proposal_again, to_answer
from lowsky.flightplans.config import FlightPlansConfig
from lowsky.flightplans.events.on_events import GROUP, OnApprovals, OnAuthorities, OnGeozones, OnOperators
from lowsky.flightplans.holding.deciding import Holding
from lowsky.flightplans.life.contingency import Contingency
from lowsky.flightplans.life.moves import Activation
from lowsky.flightplans.life.off_nominal import OffNominal
from lowsky.flightplans.life.overdue import Overdue
from lowsky.flightplans.openings.alternatives import Alternatives
from lowsky.flightplans.openings.occupancy import Occupancy
from lowsky.flightplans.postgres.partitions import PART as PARTITIONS
from lowsky.flightplans.postgres.partitions import Partitions
from lowsky.flightplans.postgres.plans import TOPIC
from lowsky.flightplans.projections.airspace import PART as AIRSPACE_INDEX
from lowsky.flightplans.projections.airspace import Airspace
from lowsky.flightplans.projections.areas import Areas
from lowsky.flightplans.projections.law import Law
from lowsky.flightplans.projections.standing import Standing
from lowsky.flightplans.recheck.recheck import PART as RECHECK
from lowsky.flightplans.recheck.recheck import Recheck
from lowsky.flightplans.rpc.alternatives import is_accepted, moved
from lowsky.flightplans.rpc.flight_plans import FlightPlansServicer
from lowsky.flightplans.submission.path import SubmissionPath
from lowsky.flightplans.views.watching import PlanChange
from lowsky.jurisdictions.flights import RuleSets
from lowsky.process.frame import Frame, main


async def assemble(frame: Frame[FlightPlansConfig]) -> None:
    """Views of registrations and airspace, the submission path over them, and the plans that approvals moves."""
    standing, airspace, areas = Standing(), Airspace(frame.health), Areas()
    await follow(frame, standing, airspace, areas)
    await keep_plans(frame, airspace, areas)
    await frame.health.expect("watch", only_writes=True)
    broadcast = Broadcast(frame.kafka, TOPIC, frame.health, part="watch", understand=PlanChange)
    frame.run(broadcast.tail.run)
    reference = frame.config.vertical_reference
    holding = Holding(reference)
    law = Law(RuleSets.read(frame.config.jurisdiction, frame.config.jurisdictions), areas)
    path = SubmissionPath(
        database=frame.database,
        relay=frame.relay,
        clock=frame.clock,
        standing=standing,
        airspace=airspace,
        areas=areas,
        reference=reference,
        to_answer=to_answer,
        holding=holding,
        law=law,
    )
    alternatives = Alternatives(
        database=frame.database,
        clock=frame.clock,
        reference=reference,
        path=path,
        moved=moved,
        is_accepted=is_accepted,
    )
    servicer = FlightPlansServicer(
        database=frame.database,
        relay=frame.relay,
        clock=frame.clock,
        health=frame.health,
        path=path,
        standing=standing,
        activation=Activation(standing, airspace, areas, law, reference, proposal_again),
        broadcast=broadcast,
        off_nominal=OffNominal(holding, reference),
        occupancy=Occupancy(frame.database, reference),
        alternatives=alternatives,
    )
    frame.run(servicer.batcher.run)
    await frame.consume(group=GROUP, topics=["lowsky.approvals.v1"], handlers=OnApprovals(frame.clock).handlers)
    frame.serve(
        "lowsky.api.flightplans.v1.FlightPlansService",
        flight_plans_pb2_grpc.add_FlightPlansServiceServicer_to_server,
        servicer,
    )


async def follow(frame: Frame[FlightPlansConfig], standing: Standing, airspace: Airspace, areas: Areas) -> None:
    """What others say of operators, zones and areas, from the beginning."""
    views: list[tuple[str, Listener, str, Callable[[], str | None]]] = [
        ("lowsky.operators.v1", OnOperators(standing), "registrations", lambda: None),
        ("lowsky.geozones.v1", OnGeozones(airspace), "geozones", lambda: airspace.unsettled),
        ("lowsky.authorities.v1", OnAuthorities(areas), "authorities", lambda: areas.problem),
    ]
    for topic, listener, part, unsettled in views:
        await frame.health.expect(part)
        tail = Tail(frame.kafka, topic, listener, frame.health, part=part, from_beginning=True, unsettled=unsettled)
        frame.run(tail.run)
    await frame.health.expect(AIRSPACE_INDEX)
    frame.run(airspace.keep_index)


async def keep_plans(frame: Frame[FlightPlansConfig], airspace: Airspace, areas: Areas) -> None:
    """What becomes of plans that nobody calls about: the airspace changes, their time passes, they grow old."""
    await frame.health.expect(RECHECK, only_told=True)
    recheck = Recheck(
        health=frame.health,
        database=frame.database,
        relay=frame.relay,
        clock=frame.clock,
        airspace=airspace,
        areas=areas,
        reference=frame.config.vertical_reference,
        is_caught_up=lambda: not {"geozones", "authorities", AIRSPACE_INDEX} & frame.health.problems.keys(),
        airspace_of=airspace_again,
        as_kept=as_kept,
    )
    frame.run(recheck.run)
    overdue = Overdue(database=frame.database, relay=frame.relay, clock=frame.clock, grace=frame.config.overdue_grace)
    frame.run(overdue.run)
    contingency = Contingency(
        database=frame.database, relay=frame.relay, clock=frame.clock, after=frame.config.nonconforming_max
    )
    frame.run(contingency.run)
    await frame.health.expect(PARTITIONS, only_told=True)
    partitions = Partitions(
        database=frame.database, clock=frame.clock, health=frame.health, retention=frame.config.retention
    )
    frame.run(partitions.run)


def run() -> None:
    """`python -m lowsky.flightplans`."""
    main("flightplans", FlightPlansConfig, assemble)
