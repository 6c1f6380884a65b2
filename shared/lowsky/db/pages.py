"""A page of rows that may be large: as many as fit into some bytes, so that no list is read into memory whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

from lowsky.db.database import Connection


async def fetch_page(
    connection: Connection, select: str, parameters: Sequence[Any], *, size: str, order: str, rows: int, bytes_max: int
) -> tuple[list[asyncpg.Record], bool]:
    """The first rows of a statement, in order, while they fit; one at least, however large it is.

    Args:
        select: With its own order, limited to one row more than the page has.
        size: What a row counts for, as `octet_length(content)`: of a stored value it is known without reading it.
        order: That of the statement. The bytes are added up in it.
        rows: The most that the page has.

    Returns:
        The rows, and whether there are more.
    """
    # A row that does not fit is fetched all the same, and the second: they say that there is more.
    found = await connection.fetch(
        f"""SELECT * FROM (
                SELECT *, sum({size}) OVER so_far AS page_bytes, sum({size}) OVER so_far - {size} AS bytes_before,
                       row_number() OVER so_far AS page_row
                FROM ({select}) AS selected WINDOW so_far AS (ORDER BY {order} ROWS UNBOUNDED PRECEDING)
            ) AS counted WHERE bytes_before <= {bytes_max:d} OR page_row <= 2 ORDER BY page_row""",  # noqa: S608  # ours
        *parameters,
    )
    fitting = [row for row in found[:rows] if row["page_bytes"] <= bytes_max or row["page_row"] == 1]
    return fitting, len(found) > len(fitting)
