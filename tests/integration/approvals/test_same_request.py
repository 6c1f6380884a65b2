"""A decision that comes again is known by what it decides and for whom, and answered only to who may have it."""

from __future__ import annotations

from tests.integration.approvals.cases import (
    case_of,
    decision,
    event_of,
    new_authority,
    new_plan,
    officer,
    operator,
    publish,
    same,
)
from tests.support.errors import refusal
from tests.support.installation import Installation


async def test_an_officer_who_acts_for_another_authority_by_now_does_not_get_the_answer(service: Installation) -> None:
    tower, city = new_authority(), new_authority()
    plan = new_plan(tower, city)
    await publish(service, event_of(plan))
    mover = officer(service, tower, "mover")
    request = decision(await case_of(mover, plan))
    first = await mover.DecideApproval(request)
    # The city decides too, and would hear that it had granted what only the tower has.
    assert (await refusal(officer(service, city, "mover").DecideApproval(request))).reason == "REQUEST_ID_REUSED"
    assert (await refusal(officer(service, new_authority(), "mover").DecideApproval(request))).reason == "NOT_FOUND"
    request.request_id = request.request_id.upper()
    assert same(await officer(service, tower, "mover").DecideApproval(request), first)


async def test_a_guessed_id_gives_nothing_to_others(service: Installation) -> None:
    tower = new_authority()
    plan = new_plan(tower)
    await publish(service, event_of(plan))
    stub = officer(service, tower)
    request = decision(await case_of(stub, plan))
    await stub.DecideApproval(request)
    assert (await refusal(officer(service, new_authority(), "stranger").DecideApproval(request))).reason == "NOT_FOUND"
    assert (await refusal(operator(service).DecideApproval(request))).reason == "ROLE_MISSING"


async def test_another_officer_of_the_authority_who_repeats_a_decision_decides_nothing_twice(
    service: Installation,
) -> None:
    tower, city = new_authority(), new_authority()
    plan = new_plan(tower, city)
    await publish(service, event_of(plan))
    stub = officer(service, tower)
    request = decision(await case_of(stub, plan))
    await stub.DecideApproval(request)
    assert (await refusal(officer(service, tower, "colleague").DecideApproval(request))).reason == "STALE_ETAG"
