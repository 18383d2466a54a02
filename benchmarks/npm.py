"""Pinned npm packages in a cache folder, run by the node that the development extras bring (24; the suites want 22)."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import platformdirs

SECONDS = 900


class NpmMissing(Exception):
    """node and npm come with the development extras; a package is installed from npm's registry on first use."""


def node() -> Path:
    """Return node's program."""
    return _program("node")


def installed(*packages: str) -> Path:
    """Return the folder whose `node_modules` holds these packages (`name@version`), installing them on first use.

    Raises: NpmMissing when npm is absent or can't install them.
    """
    digest = hashlib.sha256(" ".join(sorted(packages)).encode()).hexdigest()[:12]
    folder = platformdirs.user_cache_path("dbmanager-npm") / digest
    if (folder / "complete").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    install = [
        str(_program("npm")),
        "install",
        "--silent",
        "--no-audit",
        "--no-fund",
        "--prefix",
        str(folder),
        *packages,
    ]
    done = subprocess.run(
        install, capture_output=True, text=True, check=False, env=environment(), cwd=folder, timeout=SECONDS
    )
    if done.returncode:
        raise NpmMissing(f"npm could not install {', '.join(packages)}: {done.stderr or done.stdout}")
    (folder / "complete").touch()
    return folder


def command(folder: Path, name: str) -> list[str]:
    """Return how to run a program of an installed package."""
    return [str(node()), str((folder / "node_modules" / ".bin" / name).resolve(strict=True))]


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for node's programs: ours with this node first on the path."""
    path = f"{node().parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, "PATH": path, **(extra or {})}


def _program(name: str) -> Path:
    program = Path(sysconfig.get_path("scripts")) / name
    if not program.exists():
        raise NpmMissing(f"{name} is missing: install the development extras, pip install -e '.[dev]'")
    return program
