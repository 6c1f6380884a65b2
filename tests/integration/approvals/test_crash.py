"""Killed in the middle, the service goes on where it was."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict

from tests.integration.approvals.cases import APPROVALS, event_of, new_authority, new_plan, publish
from tests.support.installation import Installation
from tests.support.polling import eventually


async def test_killed_among_two_hundred_plans_it_gives_each_one_case_and_one_outcome(service: Installation) -> None:
    plans = [new_plan() if n % 5 else new_plan(new_authority()) for n in range(200)]
    names = {plan.name for plan in plans}

    async def cases() -> int:
        async with service.connection() as connection:
            return int(
                await connection.fetchval(
                    "SELECT count(*) FROM approvals.approvals WHERE flight_plan = ANY($1)", list(names)
                )
            )

    async def publish_slowly() -> None:
        for start in range(0, len(plans), 20):
            await publish(service, *[event_of(plan) for plan in plans[start : start + 20]])

    publishing = asyncio.create_task(publish_slowly())
    for share in (0.2, 0.6):

        async def far_enough(share: float = share) -> bool:
            return await cases() >= share * len(plans)

        await eventually(far_enough, within_s=60, what="some of the cases")
        await service.kill("approvals")
        await service.restart("approvals")
    await publishing

    async def all_told() -> bool:
        return {v.approval.flight_plan.name for _, v in await service.events(APPROVALS)} >= names

    await eventually(all_told, within_s=60, what="all cases told")
    told: dict[str, dict[str, str]] = defaultdict(dict)
    case_names: dict[str, set[str]] = defaultdict(set)
    for event, value in await service.events(APPROVALS):
        told[value.approval.flight_plan.name][event.id] = event.type
        case_names[value.approval.flight_plan.name].add(value.approval.name)
    for n, plan in enumerate(plans):
        kind = "granted" if n % 5 else "opened"
        assert Counter(told[plan.name].values()) == {f"lowsky.approval.{kind}.v1": 1}
        assert len(case_names[plan.name]) == 1
    assert await cases() == len(plans)
