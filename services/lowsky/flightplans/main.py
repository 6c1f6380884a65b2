"""Composition of the flightplans service."""

from __future__ import annotations

from lowsky.api.flightplans.v1 import flight_plans_pb2_grpc
from lowsky.events import topics
from lowsky.events.watching.tail import Tail
from lowsky.events.watching.watch import Broadcast
from lowsky.flightplans.codec.plans import airspace_again, as_kept, proposal_again, to_answer
from lowsky.flightplans.config import FlightPlansConfig
from lowsky.flightplans.events.approvals import GROUP, OnApprovals
from lowsky.flightplans.events.authorities import OnAuthorities
from lowsky.flightplans.events.geozones import OnGeozones
from lowsky.flightplans.events.registrations import OnOperators
from lowsky.flightplans.holding.reserving import Holding
from lowsky.flightplans.life.contingency import Contingency
from lowsky.flightplans.life.moves import Activation
from lowsky.flightplans.life.off_nominal import OffNominal
from lowsky.flightplans.life.overdue import Overdue
from lowsky.flightplans.openings.alternatives import Alternatives
from lowsky.flightplans.openings.occupancy import Occupancy
from lowsky.flightplans.postgres.partitions import PART as PARTITIONS
from lowsky.flightplans.postgres.partitions import Partitions
from lowsky.flightplans.projections.airspace import PART as AIRSPACE_INDEX
from lowsky.flightplans.projections.airspace import Airspace
from lowsky.flightplans.projections.applicable_law import Law
from lowsky.flightplans.projections.areas import Areas
from lowsky.flightplans.projections.standing import Standing
from lowsky.flightplans.recheck.recheck import PART as RECHECK
from lowsky.flightplans.recheck.recheck import Recheck
from lowsky.flightplans.recheck.required_by_law import Applications
from lowsky.flightplans.rpc.alternatives import is_accepted, moved
from lowsky.flightplans.rpc.flight_plans import FlightPlansServicer
from lowsky.flightplans.submission.submit import SubmissionPath
from lowsky.flightplans.views.watching import PlanChange
from lowsky.jurisdictions.flight_rules import RuleSets
from lowsky.service.service import Service, run_service


async def assemble(service: Service[FlightPlansConfig]) -> None:
    """Projections of registrations and airspace, the submission path that uses them, and the consumer of approvals."""
    standing, airspace, areas = Standing(), Airspace(service.health), Areas()
    law = Law(RuleSets.read(service.config.jurisdiction, service.config.jurisdictions), areas)
    authorities = await follow(service, standing, airspace, areas)
    await keep_plans(service, standing, airspace, areas, law, authorities)
    await service.health.expect("watch", only_writes=True)
    broadcast = Broadcast(
        service.events.kafka, topics.FLIGHT_PLANS, service.health, part="watch", understand=PlanChange
    )
    service.process.run(broadcast.tail.run)
    reference = service.config.vertical_reference
    holding = Holding(reference)
    path = SubmissionPath(
        database=service.database,
        relay=service.relay,
        clock=service.clock,
        standing=standing,
        airspace=airspace,
        areas=areas,
        reference=reference,
        to_answer=to_answer,
        holding=holding,
        law=law,
    )
    alternatives = Alternatives(
        database=service.database,
        clock=service.clock,
        reference=reference,
        path=path,
        moved=moved,
        is_accepted=is_accepted,
    )
    servicer = FlightPlansServicer(
        database=service.database,
        relay=service.relay,
        clock=service.clock,
        health=service.health,
        path=path,
        standing=standing,
        activation=Activation(standing, airspace, areas, law, reference, proposal_again),
        broadcast=broadcast,
        off_nominal=OffNominal(holding, reference),
        occupancy=Occupancy(service.database, reference),
        alternatives=alternatives,
    )
    service.process.run(servicer.batcher.run)
    await service.consume(group=GROUP, topics=[topics.APPROVALS], handlers=OnApprovals(service.clock).handlers)
    service.serve(
        "lowsky.api.flightplans.v1.FlightPlansService",
        flight_plans_pb2_grpc.add_FlightPlansServiceServicer_to_server,
        servicer,
    )


async def follow(service: Service[FlightPlansConfig], standing: Standing, airspace: Airspace, areas: Areas) -> Tail:
    """Follows the events about operators, zones and areas, from the beginning of their topics; returns what reads the
    last of these."""
    await service.events.follow(topics.OPERATORS, OnOperators(standing), part="registrations")
    await service.events.follow(
        topics.GEOZONES, OnGeozones(airspace), part="geozones", unsettled=lambda: airspace.unsettled
    )
    authorities = await service.events.follow(
        topics.AUTHORITIES, OnAuthorities(areas), part="authorities", unsettled=lambda: areas.problem
    )
    await service.health.expect(AIRSPACE_INDEX)
    service.process.run(airspace.keep_index)
    return authorities


async def keep_plans(
    service: Service[FlightPlansConfig],
    standing: Standing,
    airspace: Airspace,
    areas: Areas,
    law: Law,
    authorities: Tail,
) -> None:
    """Background work on stored plans: re-checks after airspace changes, timers, and partitions."""
    await service.health.expect(RECHECK, only_told=True)
    recheck = Recheck(
        health=service.health,
        database=service.database,
        relay=service.relay,
        clock=service.clock,
        airspace=airspace,
        areas=areas,
        areas_topic_ends=authorities.ends_now,
        reference=service.config.vertical_reference,
        is_caught_up=lambda: not {"geozones", "authorities", AIRSPACE_INDEX} & service.health.problems.keys(),
        airspace_of=airspace_again,
        as_kept=as_kept,
        applications=Applications(standing, law, proposal_again).of,
    )
    service.process.run(recheck.run)
    overdue = Overdue(
        database=service.database, relay=service.relay, clock=service.clock, grace=service.config.overdue_grace
    )
    service.process.run(overdue.run)
    contingency = Contingency(
        database=service.database, relay=service.relay, clock=service.clock, after=service.config.nonconforming_max
    )
    service.process.run(contingency.run)
    await service.health.expect(PARTITIONS, only_told=True)
    partitions = Partitions(
        database=service.database, clock=service.clock, health=service.health, retention=service.config.retention
    )
    service.process.run(partitions.run)


def run() -> None:
    """`python -m lowsky.flightplans`."""
    run_service("flightplans", FlightPlansConfig, assemble)
