"""How the tools are asked what makes a database slow, the same on every engine, and one cause mended."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcp import Client

from tests.server.processes import call

Signs = Mapping[str, tuple[str, tuple[str, ...]]]
"""By cause: which answer tells of it, and the words that must all stand there."""


def configure(folder: Path, url: str) -> None:
    """Write a configuration with the connection `shop`."""
    (folder / "dbmanager.toml").write_text(
        f'[store]\ndata_dir = "state"\n[connections.shop]\nurl = "{url}"\naccess = "admin"\n'
        'password = { env = "SHOP_PASSWORD" }\n'
    )


async def told(client: Client, tool: str, **arguments: Any) -> str:
    """Return a tool's answer about the shop."""
    text, _, failed = await call(client, tool, connection="shop", **arguments)
    assert not failed, text
    return text


async def diagnosed(client: Client, project: str, signs: Signs, *asked: str, seconds: float) -> set[str]:
    """Return the causes that the tools tell of."""
    answers = {
        "workload": await told(client, "analyze_workload", project=project),
        "health": await told(client, "check_database", pack="health", project=project),
        "indexes": await told(client, "advise_indexes", project=project, seconds=seconds, drop_unused=True),
        "settings": await told(client, "plan_tuning", memory_bytes=4 * 1024**3, project=project),
    }
    caching = await told(client, "plan_tuning", kind="caching", staleness_seconds=600, project=project)
    answers["caching"] = caching.partition("Not worth it")[0]
    answers["plans"] = "\n".join([await told(client, "explain_query", sql=statement) for statement in asked])
    return {cause for cause, (where, words) in signs.items() if all(word in answers[where] for word in words)}


async def changed(client: Client, tool: str, **arguments: Any) -> str:
    """Have a tool propose a change set, approve it by its token, apply it, and return what was proposed."""
    text, planned, failed = await call(client, tool, connection="shop", **arguments)
    assert not failed, text
    assert "change" in planned, text
    token = text.partition("confirm_token='")[2].partition("'")[0]
    told_, applied, _ = await call(client, "apply_change", change=planned["change"], confirm_token=token)
    assert applied.get("state") == "verified", told_
    return text


async def is_told(client: Client, project: str, cause: str, signs: Signs) -> bool:
    """Whether the health of the shop still shows a cause."""
    health = await told(client, "check_database", pack="health", project=project)
    return all(word in health for word in signs[cause][1])


async def index_mended(client: Client, project: str, query: str, *, seconds: float) -> None:
    """Have the missing index made by a change set, and see in the project's report what it brought."""
    at: dict[str, Any] = {"queries": [query], "project": project}
    await changed(client, "advise_indexes", propose=True, seconds=seconds, **at)
    _, measured, _ = await call(client, "measure_queries", connection="shop", **at)
    assert measured["work_after"] < measured["work_before"] / 10
    assert not (await call(client, "export_deliverables", project=project))[2]


def measured_report(folder: Path) -> str:
    """Return the report of what was measured before and after."""
    return (folder / "database-system/documentation/performance-docs/measurements.md").read_text()
