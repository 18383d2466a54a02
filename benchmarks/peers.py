"""Other projects' tools, each in a virtual environment of its own, asked by JSON: their needs contradict one another's."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.environments import environment

HERE = Path(__file__).parent
SECONDS = 3_600


@dataclass(frozen=True, slots=True)
class Peer:
    """A tool: what pip installs of it, as `environment` takes it, and the script that asks it."""

    name: str
    requirements: tuple[str, ...]
    script: str
    alone: tuple[str, ...] = ()
    newer: str = ""


PRESIDIO = Peer("presidio-analyzer 2.2", ("presidio-analyzer==2.2.366",), "presidio_columns.py")
DATAHUB = Peer(
    "acryl-datahub-classify 0.0.12", ("acryl-datahub-classify==0.0.12", "setuptools<81", "click"), "datahub_columns.py"
)
SQLLINEAGE = Peer("sqllineage 1.5", ("sqllineage==1.5.9",), "sqllineage_columns.py")
POSTGRES_MCP = Peer(
    "postgres-mcp 0.3.0",
    ("mcp<2", "pglast==7.22", "psycopg[binary,pool]", "humanize", "attrs", "instructor"),
    "postgres_mcp_advice.py",
    alone=("postgres-mcp==0.3.0",),
    newer="3.12",
)
"""With the pglast of the same year: the 7.2 that it pins is not to be had any more."""


def ask(peer: Peer, request: Any) -> Any:
    """Return a peer's answer to a JSON request; its environment is made on first use."""
    python = environment(peer.script.removesuffix(".py"), peer.requirements, alone=peer.alone, newer=peer.newer)
    done = subprocess.run(
        [python, str(HERE / "peer_scripts" / peer.script)], input=json.dumps(request), capture_output=True, text=True,
        timeout=SECONDS, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{peer.name} failed: {done.stderr.strip().splitlines()[-1:]}")
    return json.loads(done.stdout.splitlines()[-1])
