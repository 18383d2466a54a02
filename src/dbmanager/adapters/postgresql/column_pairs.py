"""Pairs of columns that may belong together, counted in a bounded sample of their table."""

from __future__ import annotations

from typing import Any

import asyncpg

from dbmanager.adapters.postgresql.catalog import PACKAGE
from dbmanager.adapters.sql.blocks import blocks
from dbmanager.model.findings import FactRows

MOST_PAGES = 5_000
"""Pages of a table that are read, 40 MB."""
MOST_ROWS = 100_000
ROWS_A_PAGE = 4
"""Kept of a page where not all pages are read: neighbours are alike, and would pass for columns that belong together."""


async def column_pairs(raw: asyncpg.Connection[Any]) -> FactRows:
    """Return at most five pairs with rows and distinct values of each column and of both together, as sampled."""
    found = []
    for row in await raw.fetch(blocks(PACKAGE)["column_pairs"].sql):
        pages, rows = row["pages"], row["estimated_rows"]
        share = min(100.0, 100.0 * MOST_PAGES / max(pages, 1))
        kept = min(1.0, MOST_ROWS / (rows * share / 100), ROWS_A_PAGE * pages / rows if share < 100 else 1.0)
        counted = await raw.fetchrow(
            f"SELECT count(*) AS sampled, count(DISTINCT a) AS first, count(DISTINCT b) AS second, count(DISTINCT (a, b)) AS together "  # noqa: S608 - quoted by the server
            f"FROM (SELECT {row['quoted_first']} AS a, {row['quoted_second']} AS b FROM {row['quoted']} "
            f"TABLESAMPLE SYSTEM ({share}) WHERE random() < {kept} AND {row['quoted_first']} IS NOT NULL "
            f"AND {row['quoted_second']} IS NOT NULL) AS s"
        )
        if counted is not None and counted["together"]:
            facts = dict(row.items()) | {"quoted_columns": f"{row['quoted_first']}, {row['quoted_second']}"}
            found.append(facts | dict(counted.items()) | {"rows": counted["sampled"]})
    return tuple(found)
