"""Counts o200k tokens with npm's gpt-tokenizer."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks import npm

TOKENIZER = "gpt-tokenizer@4.0.0"
SCRIPT = Path(__file__).with_name("count_tokens.mjs")


class TokenizerMissing(Exception):
    """Counting tokens needs node and npm on PATH, and a way to install gpt-tokenizer once."""


def count(texts: Sequence[str]) -> list[int]:
    """Return the number of tokens of each text.

    Raises: TokenizerMissing when node is missing or the package can't be installed.
    """
    try:
        command = [str(npm.node()), str(SCRIPT), str(npm.installed(TOKENIZER))]
    except npm.NpmMissing as missing:
        raise TokenizerMissing(str(missing)) from None
    done = subprocess.run(
        command, input=json.dumps(list(texts)), text=True, capture_output=True, check=False
    )  # fmt: skip
    if done.returncode:
        raise TokenizerMissing(done.stderr)
    found: list[int] = json.loads(done.stdout)
    return found
