"""Which results a search compares: all of them after equally many epochs."""

from __future__ import annotations

from collections.abc import Mapping

FULL = 2**31  # stands for all epochs of a trial, which may be others for each


def comparable(counts: Mapping[int, int], enough: int) -> int:
    """Return the greatest number of epochs after which there are at least `enough` results.

    If there are nowhere as many, the one with the most results, of equal ones the greater; `FULL` if there
    are none. `counts` are the numbers of results, by epochs. Values after different numbers of epochs do not
    mix: a good point at its first rung has a lower accuracy than a poor one at its end.
    Source: S. Falkner, A. Klein and F. Hutter, "BOHB: robust and efficient hyperparameter optimization at
    scale", ICML 2018, arXiv 1807.01774.
    """
    if many := [epochs for epochs, count in counts.items() if count >= enough]:
        return max(many)
    return max(counts, key=lambda epochs: (counts[epochs], epochs), default=FULL)
