"""Virtual environments for other projects' packages, one for each set of needs: they contradict one another's."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import platformdirs


def environment(name: str, requirements: Sequence[str], *, alone: Sequence[str] = (), newer: str = "") -> Path:
    """Return the Python of an environment with these requirements, made in the user's cache on first use.

    Args:
        name: for people who look into the cache.
        requirements: what pip installs; other requirements make another environment.
        alone: what pip installs after them without looking at its own requirements: some pin what is no longer there.
        newer: the Python that a package needs where ours is older, as `3.12`.
    """
    digest = hashlib.sha256("\0".join((*requirements, *alone, *([newer] if newer else []))).encode()).hexdigest()[:10]
    folder = platformdirs.user_cache_path("dbmanager-environments") / f"{name}-{digest}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        subprocess.run([_interpreter(newer), "-m", "venv", "--clear", str(folder)], check=True)
        _install(python, requirements)
        if alone:
            _install(python, ["--no-deps", *alone])
        (folder / "complete").touch()
    return python


def _install(python: Path, arguments: Sequence[str]) -> None:
    command = [str(python), "-m", "pip", "install", "-q", *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"pip could not install {', '.join(arguments)}: {done.stderr[-2_000:]}")


def _interpreter(newer: str) -> str:
    """Return our own Python, or one of that version on PATH or of pyenv."""
    if not newer:
        return sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [*sorted(map(str, pyenv.glob(f"{newer}.*/bin/python"))), shutil.which(f"python{newer}") or ""]
    if not found[0]:
        raise RuntimeError(f"no Python {newer} was found on PATH or among pyenv's versions")
    return found[0]
