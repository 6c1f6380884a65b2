"""What a worker forgets of its own: answers and events that are too old to come again."""

from __future__ import annotations

from tests.support.installation import Installation
from tests.support.polling import eventually

PILED_UP = 12_000
"""More than is deleted at once."""


async def test_what_piled_up_is_forgotten_and_what_is_young_is_kept(installation: Installation) -> None:
    await installation.start("registration")
    await installation.stop("registration")
    async with installation.connection() as connection:
        for age, count in (("50 days", PILED_UP), ("1 day", 3)):
            await connection.execute(
                """INSERT INTO registration.inbox
                   SELECT 'group', gen_random_uuid()::text, now() - $1::text::interval FROM generate_series(1, $2)""",
                age,
                count,
            )
            await connection.execute(
                """INSERT INTO registration.requests
                   SELECT 'caller', gen_random_uuid(), '', '', now() - $1::text::interval
                   FROM generate_series(1, $2)""",
                age,
                count,
            )
        await installation.restart("registration")

        async def tidy() -> bool:
            events = await connection.fetchval("SELECT count(*) FROM registration.inbox")
            answers = await connection.fetchval("SELECT count(*) FROM registration.requests")
            return (events, answers) == (3, 3)

        await eventually(tidy, what="only the young ones left")
