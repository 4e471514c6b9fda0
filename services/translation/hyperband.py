"""Hyperband as a rule of early stopping."""

from __future__ import annotations

from typing import Any


def halving(most: int, eta: int) -> dict[str, Any]:
    """Halving with the brackets of Hyperband: ⌊log_eta R⌋ + 1 for R epochs at most; the last has no rung.

    Source: L. Li et al., "Hyperband: a novel bandit-based approach to hyperparameter optimization" (2018),
    algorithm 1.
    """
    brackets = 1
    while eta**brackets <= most:
        brackets += 1
    return {"name": "halving", "eta": eta, "brackets": brackets}
