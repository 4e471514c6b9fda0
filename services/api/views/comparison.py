"""How a sweep's best point compares with the runner-up, as JSON."""

from __future__ import annotations

from pydantic import BaseModel

from services.domain.results.comparison import Comparison


class ComparisonView(BaseModel):
    """The best point against the runner-up: how much better it is, in the direction of the goal.

    `differs` is whether the interval of the mean difference excludes 0; null if no interval can be formed.
    """

    best: int  # the points' numbers
    runner_up: int
    difference: float | None
    low: float | None
    high: float | None
    n: int  # replicates for which both have a value
    differs: bool | None
    words: str


def comparison_view(comparison: Comparison | None) -> ComparisonView | None:
    """A comparison; None for fewer than two points."""
    if comparison is None:
        return None
    return ComparisonView(
        best=comparison.best,
        runner_up=comparison.runner_up,
        difference=comparison.difference,
        low=comparison.low,
        high=comparison.high,
        n=comparison.n,
        differs=comparison.differs,
        words=comparison.words,
    )
