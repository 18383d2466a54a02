"""What a benchmark found: samples, ratios with targets, sizes with limits. Judged on minima."""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks.timing import Series


@dataclass(frozen=True, slots=True)
class Ratio:
    """How much `of` costs for each unit of `to`, two series of the same run; at most `target` where one is set."""

    of: str
    to: str
    target: float | None = None


@dataclass(frozen=True, slots=True)
class Size:
    """A figure that is no time: bytes, tokens, statements; at most `limit` where one is set."""

    name: str
    value: float
    unit: str
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """One subject's result. `setting` says in a paragraph what was done, so that the figures can be read.

    `engines` are the servers that it started itself, with their versions.
    """

    subject: str
    title: str
    setting: str
    series: tuple[Series, ...] = ()
    ratios: tuple[Ratio, ...] = ()
    sizes: tuple[Size, ...] = ()
    engines: dict[str, str] = field(default_factory=dict)

    def named(self, name: str) -> Series:
        """Return a series by name."""
        return next(series for series in self.series if series.name == name)

    def ratio_of_minima(self, ratio: Ratio) -> float:
        """Return the ratio that targets are judged on."""
        return self.named(ratio.of).minimum / self.named(ratio.to).minimum

    def ratio_of_medians(self, ratio: Ratio) -> float:
        """Return the ratio of the usual cases."""
        return self.named(ratio.of).median / self.named(ratio.to).median

    def missed(self) -> list[str]:
        """Return every target or limit that does not hold, as words."""
        slow = [
            f"{ratio.of} / {ratio.to} is {self.ratio_of_minima(ratio):.2f}, at most {ratio.target} wanted"
            for ratio in self.ratios
            if ratio.target is not None and self.ratio_of_minima(ratio) > ratio.target
        ]
        big = [
            f"{size.name} is {size.value:,.0f} {size.unit}, at most {size.limit:,.0f} wanted"
            for size in self.sizes
            if size.limit is not None and size.value > size.limit
        ]
        return slow + big
