"""Months of flight plans that were submitted long ago, and are over."""

from __future__ import annotations

from datetime import UTC, datetime

import asyncpg

from lowsky.flightplans.postgres.partitions import partitions
from lowsky.ids import least_id

_PLANS = """
INSERT INTO flight_plans
    (id, operator, aircraft, state, state_reason, version, create_time, update_time, time_start, time_end,
     airspace_revision, authorities, approval, approval_number, content, assessment, min_lon, min_lat, max_lon, max_lat,
     subjects)
SELECT regexp_replace(lpad(to_hex((extract(epoch FROM made) * 1000)::bigint), 12, '0') || '7' || left(hash, 3) || '8'
                          || substr(hash, 4, 15), '^(.{8})(.{4})(.{4})(.{4})(.{12})$', '\\1-\\2-\\3-\\4-\\5'),
       'operators/o' || n % 2000, 'operators/o' || n % 2000 || '/aircraft/a', 'ENDED', '', 4, made, made,
       made + interval '1 hour', made + interval '2 hours', 1,
       CASE WHEN n % 5 = 0 THEN ARRAY['authorities/a' || n % 50] ELSE '{}' END, 'approvals/c', 'LS-2026-0000042',
       $4::bytea, '',
       100 + n % 100 * 0.1, 25 + n % 97 * 0.1, 100.05 + n % 100 * 0.1, 25.05 + n % 97 * 0.1, '{}'
FROM (SELECT n, $1::timestamptz + ($2::timestamptz - $1::timestamptz) * (n::float8 / $3::int) AS made,
             md5(n::text) AS hash
      FROM generate_series(0, $3::int - 1) AS n) AS plans
"""
"""From, until, how many, content of each."""


async def partitioned_since(connection: asyncpg.Connection, start: datetime) -> None:
    """As if the empty table had been partitioned just before a month long ago; the months are still to be made."""
    for partition in await partitions(connection):
        await connection.execute(f"DROP TABLE {partition.name}")
    low = least_id(start)
    await connection.execute(
        f"""CREATE TABLE flight_plans_before_{start:%Y_%m}
                PARTITION OF flight_plans FOR VALUES FROM (MINVALUE) TO ('{low}');
            CREATE TABLE flight_plans_rest PARTITION OF flight_plans FOR VALUES FROM ('{low}') TO (MAXVALUE)"""
    )


async def submitted_between(
    connection: asyncpg.Connection, start: datetime, end: datetime, count: int, content: bytes = b""
) -> None:
    """Stores plans whose ids are spread evenly over a time, in their order."""
    await connection.execute(_PLANS, start, end, count, content)


def months_before(now: datetime, months: int) -> datetime:
    """The first instant of a month so many before the present one."""
    month = now.year * 12 + now.month - 1 - months
    return datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)
