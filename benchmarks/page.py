"""Writes `docs/benchmarks.md` from the kept results."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.host import CHECKOUT, Host
from benchmarks.outcome import Outcome, Ratio, Size
from benchmarks.record import Record

PAGE = CHECKOUT / "docs" / "benchmarks.md"
HEAD = """\
# Benchmarks

Written by `make bench` (`python -m benchmarks`); do not edit. Figures of one table come from one run on one machine and \
were taken in turn, so read the ratios: times depend on machine and load. Targets are judged on the ratio of minima. \
Raw samples: [benchmarks/results](../benchmarks/results).
"""


def write(records: list[Record]) -> None:
    """Write the page over the last one."""
    ordered = sorted(records, key=lambda record: record.outcome.subject)
    parts = [HEAD, _summary(ordered), *(_section(record) for record in ordered)]
    PAGE.write_text("\n".join(parts), "utf-8")


def _summary(records: list[Record]) -> str:
    rows = [row for record in records for row in _judged(record.outcome)]
    return "## Targets\n\n" + _table(("what", "measured", "target", "met"), rows, numbers=(1, 2))


def _judged(outcome: Outcome) -> list[tuple[str, ...]]:
    ratios = [
        (f"{ratio.of} / {ratio.to}", f"{outcome.ratio_of_minima(ratio):.2f}", f"≤ {ratio.target:g}", _met(outcome, ratio))
        for ratio in outcome.ratios
        if ratio.target is not None
    ]  # fmt: skip
    sizes = [
        (size.name, _amount(size.value, size.unit), f"≤ {_amount(size.limit, size.unit)}", _met(outcome, size))
        for size in outcome.sizes
        if size.limit is not None
    ]
    return [*ratios, *sizes]


def _met(outcome: Outcome, figure: Ratio | Size) -> str:
    value = outcome.ratio_of_minima(figure) if isinstance(figure, Ratio) else figure.value
    target = figure.target if isinstance(figure, Ratio) else figure.limit
    return "yes" if target is None or value <= target else "**no**"


def _section(record: Record) -> str:
    outcome = record.outcome
    parts = [f"## {outcome.title}\n\n{outcome.setting}\n"]
    if outcome.series:
        rows = [
            (each.name, each.unit, f"{each.minimum:,.4g}", f"{each.median:,.4g}", str(len(each.samples)))
            for each in outcome.series
        ]
        parts.append(_table(("series", "unit", "minimum", "p50", "samples"), rows, numbers=(2, 3, 4)))
    if outcome.ratios:
        parts.append(_ratios(outcome))
    if outcome.sizes:
        sizes = [(size.name, _amount(size.value, size.unit)) for size in outcome.sizes]
        parts.append(_table(("figure", "value"), sizes, numbers=(1,)))
    parts.append(f"{record.measured_at}, commit `{record.commit}`. {_host(record.host, outcome.engines)}\n")
    return "\n".join(parts)


def _ratios(outcome: Outcome) -> str:
    rows = [
        (f"{ratio.of} / {ratio.to}", f"{outcome.ratio_of_minima(ratio):.3g}", f"{outcome.ratio_of_medians(ratio):.3g}")
        for ratio in outcome.ratios
    ]
    return _table(("ratio", "of minima", "of p50"), rows, numbers=(1, 2))


def _host(host: Host, engines: dict[str, str]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in (engines | host.versions).items())
    load = " ".join(f"{each:.2f}" for each in host.load_average)
    return (
        f"{host.cpu}, {host.cores} cores, {host.memory_bytes / 2**30:.0f} GiB, {host.system}, Python {host.python}, "
        f"{versions}; load average {load} before the run."
    )


def _amount(value: float, unit: str) -> str:
    digits = 1 if value < 100 and value != int(value) else 0
    return f"{value:,.{digits}f} {unit}".strip()


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, numbers: tuple[int, ...]) -> str:
    rule = ["--:" if place in numbers else "---" for place in range(len(head))]
    lines = [f"| {' | '.join(cells)} |" for cells in (head, tuple(rule), *rows)]
    return "\n".join(lines) + "\n"
