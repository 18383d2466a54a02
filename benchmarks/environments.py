"""Virtual environments for other projects' packages, one for each set of needs: they contradict one another's."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import platformdirs


def environment(name: str, requirements: Sequence[str]) -> Path:
    """Return the Python of an environment with these requirements, made in the user's cache on first use.

    Args:
        name: for people who look into the cache.
        requirements: what pip installs; other requirements make another environment.
    """
    digest = hashlib.sha256("\0".join(requirements).encode()).hexdigest()[:10]
    folder = platformdirs.user_cache_path("dbmanager-environments") / f"{name}-{digest}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        done = subprocess.run(
            [python, "-m", "pip", "install", "-q", *requirements], check=False, capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"pip could not install {', '.join(requirements)}: {done.stderr[-2_000:]}")
        (folder / "complete").touch()
    return python
