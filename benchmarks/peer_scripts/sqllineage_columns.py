"""Asks sqllineage for the columns that each output of a query comes from, with the schema given."""

import json
import sys
import time

from sqllineage.core.metadata.dummy import DummyMetaDataProvider
from sqllineage.runner import LineageRunner


def main():
    request = json.load(sys.stdin)
    provider = DummyMetaDataProvider({f"public.{table}": columns for table, columns in request["tables"].items()})
    answers = []
    started = time.perf_counter()
    for sql in request["queries"]:
        found = {}
        try:
            runner = LineageRunner(
                f"INSERT INTO result_table {sql}", dialect=request["dialect"], metadata_provider=provider
            )
            for path in runner.get_column_lineage(exclude_subquery_columns=True):
                source, target = path[0], path[-1]
                owner = str(source.parent).rpartition(".")[2] if source.parent else ""
                found.setdefault(target.raw_name, []).append(f"{owner}.{source.raw_name}")
        except Exception:
            found = None
        answers.append(found)
    print(json.dumps({"answers": answers, "seconds": time.perf_counter() - started}))


main()
