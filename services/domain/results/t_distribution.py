"""Quantiles of Student's t distribution, from which intervals of means are made."""

from __future__ import annotations

import math
from functools import lru_cache


@lru_cache(maxsize=256)
def t_quantile(df: int, confidence: float) -> float:
    """Return the t with P(|T| ≤ t) = `confidence` for Student's T with `df` degrees of freedom.

    By bisection, down to the last bit.
    """
    # With t = √df · tan θ the whole half-line is an angle in [0, π/2).
    low, high = 0.0, math.pi / 2
    while (middle := (low + high) / 2) not in (low, high):
        if _probability(middle, df) < confidence:
            low = middle
        else:
            high = middle
    return math.sqrt(df) * math.tan(low)


def _probability(theta: float, df: int) -> float:
    """Return P(|T| ≤ √df · tan θ), exact for an integer df: a finite sum of powers of cos θ.

    df even: sin θ · (1 + 1/2 cos²θ + (1·3)/(2·4) cos⁴θ + … up to cos^(df−2) θ)
    df odd:  2/π · (θ + sin θ · (cos θ + 2/3 cos³θ + (2·4)/(3·5) cos⁵θ + … up to cos^(df−2) θ))

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4.
    """
    sine, cosine = math.sin(theta), math.cos(theta)
    odd = df % 2
    term, total = (cosine if odd else 1.0), 0.0
    for power in range(odd, df - 1, 2):
        total += term
        term *= (power + 1) / (power + 2) * cosine * cosine
    return 2 / math.pi * (theta + sine * total) if odd else sine * total
