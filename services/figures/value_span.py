"""Which values a figure's scale spans: all, or all but a few that would hide how the others differ."""

from __future__ import annotations

from collections.abc import Sequence

MAX_CUT = 0.05  # of the values lie outside, the worst ones
STRETCH = 3.0  # they are cut if they make the span so many times as long


def value_span(values: Sequence[float], *, larger_is_better: bool) -> tuple[float, float]:
    """The lowest and the highest value to draw.

    The best value is always within. Where the worst twentieth of the values would make the span STRETCH times
    as long as the others need, it lies outside: one diverged loss would press all others into one line.
    """
    ordered = sorted(values, reverse=larger_is_better)  # the best one first
    best, worst = ordered[0], ordered[-1]
    cut = ordered[len(ordered) - 1 - int(MAX_CUT * len(ordered))]
    if abs(worst - best) > STRETCH * abs(cut - best) > 0:
        worst = cut
    return min(best, worst), max(best, worst)
