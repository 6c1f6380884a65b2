"""A page of rows that may be large, limited in bytes, so that no list is read into memory as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

from lowsky.db.database import Connection


async def fetch_page(
    connection: Connection, select: str, parameters: Sequence[Any], *, size: str, order: str, rows: int, bytes_max: int
) -> tuple[list[asyncpg.Record], bool]:
    """The first rows of a statement, in order, that fit into bytes_max; at least one, however large it is.

    Args:
        select: The statement, with its own order, limited to one row more than the page may have.
        size: SQL expression for the bytes of a row, as `octet_length(content)`: known without reading the stored value.
        order: The order of the statement, in which the bytes are summed up.
        rows: Maximum number of rows of the page.

    Returns:
        The rows, and whether there are more.
    """
    # The first row that does not fit, and always the second, are fetched too: they show that there are more.
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
