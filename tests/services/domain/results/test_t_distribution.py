"""Quantiles of Student's t against published tables and scipy."""

from __future__ import annotations

import pytest

from services.domain.results.t_distribution import t_quantile

# Two-sided 95 %: Student's t as tabulated, e.g. NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2,
# with more digits from Abramowitz and Stegun 26.10.
TABLE = {
    1: 12.70620,
    2: 4.30265,
    3: 3.18245,
    4: 2.77645,
    5: 2.57058,
    6: 2.44691,
    9: 2.26216,
    10: 2.22814,
    19: 2.09302,
    29: 2.04523,
    60: 2.00030,
    99: 1.98422,
    120: 1.97993,
}


@pytest.mark.parametrize("df", TABLE)
def test_quantiles_as_published(df: int) -> None:
    assert t_quantile(df, 0.95) == pytest.approx(TABLE[df], abs=6e-6)


@pytest.mark.parametrize(("df", "t"), [(1, 63.65674), (4, 4.60409), (10, 3.16927), (120, 2.61742)])
def test_quantiles_at_another_confidence(df: int, t: float) -> None:
    assert t_quantile(df, 0.99) == pytest.approx(t, abs=6e-6)


def test_quantiles_as_scipy_has_them() -> None:
    scipy_stats = pytest.importorskip("scipy.stats")
    for df in range(1, 101):
        assert t_quantile(df, 0.95) == pytest.approx(scipy_stats.t.ppf(0.975, df), rel=1e-12)
