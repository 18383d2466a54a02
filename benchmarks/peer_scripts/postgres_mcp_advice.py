"""Asks the advisor of postgres-mcp, as its server does, for indexes for a list of queries, and for each query alone."""

import asyncio
import json
import sys
import time

from postgres_mcp.index.dta_calc import DatabaseTuningAdvisor
from postgres_mcp.sql import DbConnPool, SqlDriver


async def advised(driver, queries, request):
    advisor = DatabaseTuningAdvisor(sql_driver=driver, max_runtime_seconds=request["seconds"])
    started = time.perf_counter()
    found = await advisor.analyze_workload(query_list=queries, max_index_size_mb=request["budget_mb"])
    return {
        "error": found.error,
        "indexes": [one.definition for one in found.recommendations],
        "seconds": time.perf_counter() - started,
    }


async def main():
    request = json.load(sys.stdin)
    pool = DbConnPool(request["url"])
    await pool.pool_connect()
    driver = SqlDriver(conn=pool)
    whole = await advised(driver, request["workload"], request)
    alone = [await advised(driver, [sql], request) for sql in request["queries"]]
    await pool.close()
    print(json.dumps({"whole": whole, "alone": alone}))


asyncio.run(main())
