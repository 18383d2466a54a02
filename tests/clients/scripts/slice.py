"""What every framework is led through; each script gives it `call` and the listed tools. Run in the framework's environment."""

import json
import re
import sys

QUERY = "SELECT total FROM orders WHERE customer_id = 77"


def found(pattern, text):
    match = re.search(pattern, text)
    if match is None:
        raise SystemExit(f"nothing like {pattern!r} in: {text[:600]}")
    return match.group(1)


async def lead(tools, call):
    """Go through a slice of phase 3 as a model would, by what a model reads; print what was seen as JSON."""
    seen = {"tools": sorted(tools)}
    begun = await call("update_project", {"goal": "faster", "connections": ["shop"]})
    project = found(r"\b(prj_[0-9a-f]+)", begun)
    seen["described"] = await call("describe_schema", {"connection": "shop", "detail": "full"})
    seen["rows"] = await call("run_query", {"connection": "shop", "sql": "SELECT id, email FROM customers LIMIT 2"})
    seen["error"] = await call("run_query", {"connection": "shop", "sql": "SELECT * FROM ordres"})
    seen["unknown_argument"] = await call("run_query", {"connection": "shop", "sql": "SELECT 1", "max_row": 5})
    advice = await call(
        "advise_indexes", {"connection": "shop", "queries": [QUERY], "propose": True, "project": project}
    )
    change = found(r"\b(chg_[0-9a-f]+)", advice)
    seen["unapproved"] = await call("apply_change", {"change": change})
    reviewed = await call("review_change", {"change": change})
    token = found(r"confirm_token='([^']+)'", reviewed)
    seen["applied"] = await call("apply_change", {"change": change, "confirm_token": token})
    seen["measured"] = await call("measure_queries", {"connection": "shop", "queries": [QUERY], "project": project})
    print(json.dumps(seen))


def command():
    """The server's command and arguments, and the folder it works in."""
    return sys.argv[2], sys.argv[3:], sys.argv[1]
