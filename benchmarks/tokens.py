"""Counts o200k tokens with npm's gpt-tokenizer, installed once into the user's cache folder."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import platformdirs

TOKENIZER = "gpt-tokenizer"
VERSION = "4.0.0"
SCRIPT = Path(__file__).with_name("count_tokens.mjs")


class TokenizerMissing(Exception):
    """Counting tokens needs node and npm on PATH, and a way to install gpt-tokenizer once."""


def count(texts: Sequence[str]) -> list[int]:
    """Return the number of tokens of each text.

    Raises: TokenizerMissing when node is missing or the package can't be installed.
    """
    node = shutil.which("node")
    if node is None:
        raise TokenizerMissing("counting tokens needs node on PATH")
    done = subprocess.run(
        [node, str(SCRIPT), str(_installed())], input=json.dumps(list(texts)), text=True, capture_output=True, check=False
    )  # fmt: skip
    if done.returncode:
        raise TokenizerMissing(done.stderr)
    found: list[int] = json.loads(done.stdout)
    return found


def _installed() -> Path:
    """Return the folder with the package, installing it there on first use."""
    folder = platformdirs.user_cache_path("dbmanager-benchmarks") / f"{TOKENIZER}-{VERSION}"
    if (folder / "node_modules" / TOKENIZER).is_dir():
        return folder
    npm = shutil.which("npm")
    if npm is None:
        raise TokenizerMissing("installing the tokenizer needs npm on PATH")
    folder.mkdir(parents=True, exist_ok=True)
    install = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), f"{TOKENIZER}@{VERSION}"]
    done = subprocess.run(install, text=True, capture_output=True, check=False)
    if done.returncode:
        raise TokenizerMissing(f"npm could not install {TOKENIZER}: {done.stderr or done.stdout}")
    return folder
