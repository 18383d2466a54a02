"""Checks of health over what the planner takes for independent and what is not."""

from __future__ import annotations

from collections.abc import Iterator

from dbmanager.adapters.postgresql.checks.judges import POSTGRESQL, TABLE, flagged
from dbmanager.model.findings import Check, FactRows, Fix, Problem, QueryCheck, Severity

PAIRS = "facts:column_pairs"
"""Names the facts of pairs of columns that an index leads with: their distinct values, counted in a bounded sample."""
WRONG = 10.0


def _misjudged(facts: FactRows) -> Iterator[Problem]:
    """Compare rows of one pair of values with what the product of both columns' selectivities lets the planner expect.

    Source: PostgreSQL manual 14.2.2, Extended Statistics.
    """
    for row in facts:
        rows, first, second, together = (float(str(row[name])) for name in ("rows", "first", "second", "together"))
        expected, real = max(1.0, rows / (first * second)), rows / together
        if real >= WRONG * expected:
            name = f"{row['quoted_schema']}.{row['quoted_statistics']}"
            yield Problem(
                f"{row['object']}({row['columns']})",
                {"rows": round(rows), "expected_rows": round(expected), "found_rows": round(real), "sampled": row["sampled"]},
                fix=Fix(
                    "Tell the planner that they belong together, and analyze the table.",
                    (f"CREATE STATISTICS {name} ON {row['quoted_columns']} FROM {row['quoted']}", f"ANALYZE {row['quoted']}"),
                    (f"DROP STATISTICS {name}",),
                ),
            )  # fmt: skip


CORRELATION: tuple[QueryCheck, ...] = (
    Check("PG-233", Severity.LOW, POSTGRESQL, "Columns belong together and the planner does not know",
          "It multiplies their selectivities, expects far too few rows, and picks loops for what should be hashed.",
          "PostgreSQL manual 14.2.2, Extended Statistics", _misjudged, PAIRS, pack="health",
          threshold="ten times as many rows of one pair of values as the planner expects; the factor is ours.",
          caveat="it is counted in a sample, of pairs that an index of several columns begins with; other pairs are not looked at."),
    Check("PG-234", Severity.LOW, POSTGRESQL, "Extended statistics that were never gathered",
          "They were made for the planner, and until the table is analyzed it has nothing of them.",
          "PostgreSQL manual, CREATE STATISTICS, Notes; 54.29 pg_stats_ext", flagged("Analyze it.", "ANALYZE {quoted}"),
          f"SELECT {TABLE}, string_agg(e.stxname::text, ', ' ORDER BY e.stxname) AS never_gathered, "  # noqa: S608 - constants
          "c.reltuples::bigint AS estimated_rows FROM pg_statistic_ext AS e JOIN pg_class AS c ON c.oid = e.stxrelid "
          "JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE pg_has_role(c.relowner, 'USAGE') AND cardinality(e.stxkeys::int2[]) > 1 "
          "AND (c.reltuples < 0 OR c.reltuples >= 100) AND NOT EXISTS (SELECT 1 FROM pg_stats_ext AS s "
          "WHERE s.statistics_schemaname = (SELECT o.nspname FROM pg_namespace AS o WHERE o.oid = e.stxnamespace) AND s.statistics_name = e.stxname "
          "AND coalesce(s.n_distinct::text, s.dependencies::text, s.most_common_vals::text) IS NOT NULL) "
          "GROUP BY n.nspname, c.relname, c.reltuples LIMIT 50",
          pack="health", threshold="no value of them is there, and the table has 100 rows or more.",
          caveat="the role sees those of its own tables alone; a table of one value has no most common values to be kept."),
)  # fmt: skip
