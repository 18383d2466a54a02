"""Results as files: the latest of each subject, with host, commit and raw samples, or not at all."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.host import CHECKOUT, Host
from benchmarks.outcome import Outcome, Ratio, Size
from benchmarks.timing import Series

RESULTS = CHECKOUT / "benchmarks" / "results"
FEWEST_SAMPLES = 2


class IncompleteResult(Exception):
    """A result must say which host and commit it comes from and keep its raw samples."""


@dataclass(frozen=True, slots=True)
class Record:
    """An outcome with where and when it was measured."""

    outcome: Outcome
    host: Host
    commit: str
    measured_at: str


def write(outcome: Outcome, host: Host, commit: str) -> Path:
    """Write a subject's result over its last one.

    Raises: IncompleteResult when it lacks host, commit or samples.
    """
    record = Record(outcome, host, commit, datetime.now(UTC).isoformat(timespec="seconds"))
    _demand(record)
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{outcome.subject}.json"
    lines = json.dumps(asdict(record), indent=1, ensure_ascii=False)
    file.write_text(_samples_on_one_line(lines) + "\n", "utf-8")
    return file


def read() -> list[Record]:
    """Return every kept result; an incomplete one is an error."""
    found = [_record(json.loads(file.read_text("utf-8"))) for file in sorted(RESULTS.glob("*.json"))]
    for record in found:
        _demand(record)
    return found


def _record(found: dict[str, Any]) -> Record:
    try:
        kept = found["outcome"]
        outcome = Outcome(
            kept["subject"],
            kept["title"],
            kept["setting"],
            tuple(Series(each["name"], each["unit"], tuple(each["samples"])) for each in kept["series"]),
            tuple(Ratio(**each) for each in kept["ratios"]),
            tuple(Size(**each) for each in kept["sizes"]),
            kept.get("engines", {}),
        )
        return Record(outcome, Host(**found["host"]), found["commit"], found["measured_at"])
    except (KeyError, TypeError) as problem:
        raise IncompleteResult(f"a result lacks a field: {problem}") from None


def _demand(record: Record) -> None:
    host, outcome = record.host, record.outcome
    if not (record.commit and host.cpu and host.cores and host.python and host.versions and host.load_average):
        raise IncompleteResult(f"{outcome.subject}: host or commit is missing")
    if not outcome.series and not outcome.sizes:
        raise IncompleteResult(f"{outcome.subject}: there are no figures")
    singles = ("first masked read",)
    for series in outcome.series:
        if len(series.samples) < FEWEST_SAMPLES and not series.name.endswith(singles):
            raise IncompleteResult(f"{outcome.subject}: {series.name} has {len(series.samples)} samples")


def _samples_on_one_line(text: str) -> str:
    """Fold lists of numbers, so that a result is a page and not a scroll."""
    lines: list[str] = []
    for line in text.splitlines():
        bare = line.strip().rstrip(",")
        number = bare.replace(".", "").replace("e-", "").isdigit()
        if lines and (number or (bare == "]" and lines[-1].rstrip(",")[-1:].isdigit())):
            lines[-1] += line.strip() + (" " if number and line.endswith(",") else "")
        else:
            lines.append(line)
    return "\n".join(lines)
