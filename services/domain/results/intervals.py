"""A point's value over its replicates: the mean with a 95 % interval.

The interval is Student's: mean ± t · sd / √n, where t leaves 2.5 % of Student's distribution with n − 1
degrees of freedom above it. If the sweep were repeated many times with other seeds, 95 of 100 such intervals
would contain the mean over all seeds, provided that values over seeds are distributed about normally. It
covers seeds only, that is initial weights, masks and the order of the data, and not other data: what other
images would change is `sampling`, beside it.

With folds the values are those of folds, each the mean over its seeds. The interval then also covers which of
the images are trained on; as any two folds train on mostly the same ones, it is somewhat too narrow.
Source: Y. Bengio, Y. Grandvalet, "No unbiased estimator of the variance of k-fold cross-validation" (2004).

Of a metric that is a share, an interval ends at 0 and 1 at the latest.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import TypeGuard

from pydantic import BaseModel, ConfigDict

from services.domain.plan.repeats import Repeats
from services.domain.results.share import Share
from services.domain.results.t_distribution import t_quantile

CONFIDENCE = 0.95
MAX_MAGNITUDE = 1e150  # beyond it sums and squares could overflow; such a value counts as none
MAX_DECIMALS = 8  # of a number that is written without an exponent
MIN_EXPONENT_VALUE = 1e9  # from here on numbers are written with an exponent


class Estimate(BaseModel):
    """A point's value over its replicates; without an interval its ends are null, and `note` says why.

    `text` is the mean and half its interval, `0.852 ± 0.011`; null without a value. `sampling` is half of
    the interval that the choice of `images` alone gives the mean, for metrics that are shares.
    """

    model_config = ConfigDict(frozen=True)

    mean: float | None
    low: float | None
    high: float | None
    sd: float | None  # of the sample, with n − 1
    images: int | None = None
    sampling: float | None = None
    n: int  # seeds, or folds, that have a value
    note: str | None
    text: str | None


def estimate(
    values: Sequence[float | None], repeats: Repeats, failed: int = 0, share: Share | None = None
) -> Estimate:
    """Estimate the mean of the finite values among those of all seeds or folds; `failed` trials have failed.

    `share` says that they are shares of images.
    """
    found = [value for value in values if is_usable(value)]
    if not found:
        note = f"no value: {_all_of(repeats.trials)} failed" if failed >= repeats.trials else "no value yet"
        return Estimate(mean=None, low=None, high=None, sd=None, n=0, note=note, text=None)
    mean, ends = statistics.mean(found), interval(found)
    low, high = ends or (None, None)
    if share and low is not None and high is not None:
        low, high = max(0.0, low), min(1.0, high)
    half = None if ends is None else (ends[1] - ends[0]) / 2
    sampling = share.sampling_error(mean) if share else None
    notes = [_note(found, repeats, failed), _sampling_note(half, share, sampling)]
    return Estimate(
        mean=mean,
        low=low,
        high=high,
        sd=statistics.stdev(found) if len(found) > 1 else None,
        n=len(found),
        images=share.images if share and sampling is not None else None,
        sampling=sampling,
        note="; ".join(filter(None, notes)) or None,
        text=estimate_text(mean, half),
    )


def interval(values: Sequence[float]) -> tuple[float, float] | None:
    """The 95 % interval of the mean; None for fewer than two values. Its ends are equal if all values are."""
    n = len(values)
    if n < 2:
        return None
    mean = statistics.mean(values)
    half = t_quantile(n - 1, CONFIDENCE) * statistics.stdev(values) / math.sqrt(n)
    return mean - half, mean + half


def estimate_text(mean: float, half: float | None) -> str:
    """Write a mean and half its interval to two digits of the half: `0.852 ± 0.011`.

    Without an interval, or with one that has no width, the mean has four significant digits: `0.8521`,
    `0.8521 ± 0`.
    """
    if not half:
        return _significant(mean) + ("" if half is None else " ± 0")
    return f"{rounded(mean, half)} ± {rounded(half, half)}"


def rounded(value: float, scale: float) -> str:
    """Write a number with as many decimals as show two digits of `scale`, and a true minus sign."""
    places = max(0, 1 - math.floor(math.log10(float(f"{scale:.1e}"))))
    plain = places <= MAX_DECIMALS and abs(value) < MIN_EXPONENT_VALUE
    return _with_minus(f"{value:.{places}f}" if plain else f"{value:.3g}")


def is_usable(value: float | None) -> TypeGuard[float]:
    """Whether a value counts: there is one, it is finite, and arithmetic can bear it."""
    return value is not None and abs(value) <= MAX_MAGNITUDE  # false for NaN, too


def _significant(value: float) -> str:
    """A number to four significant digits, without an exponent where it is short enough."""
    if value == 0:
        return "0"
    places = max(0, 3 - math.floor(math.log10(abs(float(f"{value:.3e}")))))
    plain = places <= MAX_DECIMALS and abs(value) < MIN_EXPONENT_VALUE
    return _with_minus(f"{value:.{places}f}" if plain else f"{value:.4g}")


def _with_minus(number: str) -> str:
    """A number with a true minus sign before it; the exponent keeps a hyphen."""
    return f"−{number[1:]}" if number.startswith("-") else number


def _note(found: Sequence[float], repeats: Repeats, failed: int) -> str | None:
    notes, units, unit = [], repeats.units, repeats.unit
    if units == 1:
        notes.append("one seed: no interval")
    elif len(found) == 1:
        notes.append(f"1 of {units} {unit}s has a value: no interval")
    elif len(found) < units:
        notes.append(f"{len(found)} of {units} {unit}s have a value")
    elif len(set(found)) == 1:
        notes.append(f"all {units} {unit}s gave the same value")
    if len(found) == 2 and len(set(found)) == 2:
        notes.append("from two values the width is a rough guess")
    if failed:
        trials = repeats.trials
        notes.append("its trial failed" if trials == 1 else f"{failed} of {trials} trials failed")
    return "; ".join(notes) or None


def _sampling_note(half: float | None, share: Share | None, sampling: float | None) -> str | None:
    """What the choice of the images adds, where the interval over seeds is no wider than that."""
    if share is None or sampling is None or (half or 0) > sampling:
        return None
    return f"choice of {share.images:,} images alone: ± {rounded(sampling, sampling)}"


def _all_of(trials: int) -> str:
    return "the trial" if trials == 1 else f"all {trials} trials"
