"""Prints how well columns are classified, with every miss and every false hit: `python -m tests.classification.report`."""

from __future__ import annotations

from tests.classification.labelled import STYLES
from tests.classification.score import Score, score_names, score_style


def main() -> None:
    """Print a line of figures per style of names, then the failures of each."""
    scores: dict[str, Score] = {style: score_style(style) for style in STYLES}
    scores["real names"] = score_names()
    print(f"{'':12}columns sensitive precision recall    F1 exact  ms/column")
    for name, score in scores.items():
        sensitive = len(score.hits) + len(score.misses)
        figures = (score.precision, score.recall, score.f1, score.exact_recall)
        line = " ".join(f"{figure:6.3f}" for figure in figures)
        print(f"{name:12}{len(score.judged):7} {sensitive:9}    {line} {score.milliseconds:8.2f}")
    for name, score in scores.items():
        _failures(name, score)


def _failures(name: str, score: Score) -> None:
    print(f"\n{name}: {len(score.crashes)} tables could not be classified", *score.crashes, sep="\n  ")
    print(f"{name}: {len(score.misses)} missed")
    for one in sorted(score.misses, key=lambda one: one.is_kind or ""):
        print(f"  {one.is_kind:16} {one.place:36} {one.note[:300]}")
    print(f"{name}: {len(score.false_hits)} false hits")
    for one in score.false_hits:
        print(f"  said {one.said:16} {one.place:36} {one.note[:300]}")
    other = [one for one in score.hits if one.said != one.is_kind]
    print(f"{name}: {len(other)} found as another kind")
    for one in other:
        print(f"  {one.is_kind} said {one.said:16} {one.place:36} {one.note[:200]}")


if __name__ == "__main__":
    main()
