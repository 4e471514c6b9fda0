"""Means and intervals over replicates, in every odd case, and how they are written."""

from __future__ import annotations

import math
import random

import pytest

from services.domain.plan.repeats import Repeats
from services.domain.results.intervals import estimate, estimate_text, interval, rounded
from services.domain.results.share import Share

ROUGH = "from two values the width is a rough guess"


def test_an_estimate_by_hand() -> None:
    # 0.90, 0.91, 0.95: mean 0.92, deviations −0.02, −0.01, 0.03, sd √(0.0014 / 2), half 4.30265 · sd / √3.
    found = estimate([0.90, 0.91, 0.95], repeats=Repeats(3))
    sd = math.sqrt(0.0007)
    assert found.mean == pytest.approx(0.92)
    assert found.sd == pytest.approx(sd)
    assert found.low == pytest.approx(0.92 - 4.302653 * sd / math.sqrt(3), abs=1e-8)
    assert found.high == pytest.approx(0.92 + 4.302653 * sd / math.sqrt(3), abs=1e-8)
    assert (found.n, found.note) == (3, None)


def test_two_values_have_a_wide_interval() -> None:
    # Half the distance times 12.7062.
    assert interval([0.90, 0.92]) == pytest.approx((0.91 - 0.127062, 0.91 + 0.127062))


def test_95_of_100_intervals_hold_the_truth() -> None:
    rng = random.Random(7)
    hits = 0
    for _ in range(2000):
        low, high = interval([rng.gauss(3.0, 2.0) for _ in range(5)]) or (0.0, 0.0)
        hits += low <= 3.0 <= high
    assert hits / 2000 == pytest.approx(0.95, abs=0.015)


def test_one_seed_has_no_interval_and_says_so() -> None:
    found = estimate([0.9], repeats=Repeats(1))
    assert (found.mean, found.low, found.high, found.sd, found.n) == (0.9, None, None, None, 1)
    assert found.note == "one seed: no interval"


@pytest.mark.parametrize(
    ("values", "seeds", "failed", "n", "note"),
    [
        ([], 1, 0, 0, "no value yet"),
        ([None], 1, 1, 0, "no value: the trial failed"),
        ([None, None], 2, 2, 0, "no value: all 2 trials failed"),
        ([None, 0.5], 1, 1, 1, "one seed: no interval; its trial failed"),
        ([0.5, None, None], 3, 0, 1, "1 of 3 seeds has a value: no interval"),
        ([0.5, 0.6, math.nan], 3, 1, 2, f"2 of 3 seeds have a value; {ROUGH}; 1 of 3 trials failed"),
        ([0.5, 0.6, math.inf], 3, 0, 2, f"2 of 3 seeds have a value; {ROUGH}"),
        ([0.5, 0.5, 0.5], 3, 0, 3, "all 3 seeds gave the same value"),
        ([0.5, 0.6, 0.7], 3, 1, 3, "1 of 3 trials failed"),
    ],
)
def test_what_is_missing_is_left_out_and_said(
    values: list[float | None], seeds: int, failed: int, n: int, note: str
) -> None:
    found = estimate(values, Repeats(seeds), failed)
    assert (found.n, found.note) == (n, note)
    assert (found.low is None) == (n < 2)


def test_equal_values_have_an_interval_without_width() -> None:
    found = estimate([0.1] * 3, repeats=Repeats(3))
    assert (found.mean, found.low, found.high, found.sd) == (0.1, 0.1, 0.1, 0.0)


def test_no_size_of_a_value_breaks_the_arithmetic() -> None:
    found = estimate([1e149, -1e149, 1e308], repeats=Repeats(3))
    assert found.n == 2
    assert found.high is not None
    assert math.isfinite(found.high)
    assert found.text is not None
    assert len(found.text) < 30


@pytest.mark.parametrize(
    ("mean", "half", "text"),
    [
        (0.85213, 0.0109, "0.852 ± 0.011"),
        (0.85213, 0.00996, "0.852 ± 0.010"),
        (0.85213, 0.0996, "0.85 ± 0.10"),
        (0.85213, 0.2, "0.85 ± 0.20"),
        (12.3456, 3.21, "12.3 ± 3.2"),
        (1234.5, 67.8, "1234 ± 68"),
        (-0.5, 0.1, "−0.50 ± 0.10"),
        (0.85213, None, "0.8521"),
        (0.5, None, "0.5000"),
        (0.99996, None, "1.000"),
        (0.000123456, None, "0.0001235"),
        (-0.00000123456, None, "−1.235e-06"),
        (12345.6, None, "12346"),
        (3.2e12, None, "3.2e+12"),
        (0, None, "0"),
        (-2.30259, None, "−2.303"),
        (0.85213, 0, "0.8521 ± 0"),
    ],
)
def test_a_mean_is_written_to_two_digits_of_half_its_interval(
    mean: float, half: float | None, text: str
) -> None:
    assert estimate_text(mean, half) == text


def test_an_estimate_has_its_text() -> None:
    assert estimate([0.90, 0.91, 0.95], repeats=Repeats(3)).text == "0.920 ± 0.066"
    assert estimate([0.852149], repeats=Repeats(1)).text == "0.8521"
    assert estimate([0.8521] * 3, repeats=Repeats(3)).text == "0.8521 ± 0"
    assert estimate([None, math.nan], repeats=Repeats(2)).text is None


def test_a_number_is_rounded_to_the_digits_that_its_spread_shows() -> None:
    assert rounded(0.123456, 0.012) == "0.123"
    assert rounded(-0.123456, 0.00012) == "−0.12346"
    assert rounded(1e149, 1e148) == "1e+149"


def test_an_interval_of_shares_ends_at_0_and_1() -> None:
    found = estimate([0.98, 0.94], repeats=Repeats(2), share=Share(images=100))
    assert (found.low, found.high) == (pytest.approx(0.96 - 0.02 * 12.7062, abs=1e-6), 1.0)
    assert estimate([0.02, 0.06], repeats=Repeats(2), share=Share(images=None)).low == 0.0
    assert (estimate([0.98, 0.94], repeats=Repeats(2)).high or 0) > 1  # no share, no bound


def test_what_the_images_add_stands_beside_an_interval_that_is_narrower() -> None:
    share = Share(images=80)
    equal = estimate([0.9, 0.9], repeats=Repeats(2), share=share)
    assert (equal.text, equal.images, equal.sampling) == ("0.9000 ± 0", 80, share.sampling_error(0.9))
    assert equal.note == "all 2 seeds gave the same value; choice of 80 images alone: ± 0.067"
    wide = estimate([0.7, 0.9, 0.8], repeats=Repeats(3), share=share)
    assert (wide.note, wide.images) == (None, 80)
    single = estimate([0.9], repeats=Repeats(1), share=share)
    assert single.note == "one seed: no interval; choice of 80 images alone: ± 0.067"
    assert estimate([0.9], repeats=Repeats(1), share=Share(images=None)).sampling is None
