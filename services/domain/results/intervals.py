"""What replicates say of a point: its mean with a 95 % interval, and whether the best differs from the next.

The interval is Student's: mean ± t · sd / √n, where t leaves 2.5 % of Student's distribution with n − 1
degrees of freedom above it. Were the sweep repeated many times with other seeds, 95 of 100 such intervals
would hold the mean over all seeds, as far as values over seeds are spread about normally. It speaks of
seeds only: of initial weights, masks and the order of the data, not of other data.

The comparison is paired. Trials of one replicate see the same batches in the same order whatever their
point (common random numbers), so what they share drops out of the difference of their values, and the
interval of the mean difference is often much narrower than the two means' own intervals suggest. It is
formed over the replicates that both points have a value of.

Neither knows that the points were chosen. The best of many points is the best partly by luck, so its mean
is biased towards the better side, the more so the more points and the fewer seeds there are. And where
there is no difference, a comparison with the runner-up finds one more often than in 5 of 100 cases. More
seeds shrink both; training the winner again with another seed shows an unbiased value.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal, TypeGuard

from pydantic import BaseModel, ConfigDict, computed_field

CONFIDENCE = 0.95
LARGEST = 1e150  # beyond it sums and squares could leave the range of floats; such a value counts as none
ROUNDING = 1e-12  # relative; values that differ by less are equal but for the rounding of a subtraction


Values = Mapping[int, float | None]  # by replicate


class Estimate(BaseModel):
    """A point's value over its replicates; without an interval its ends are null, and `note` says why."""

    model_config = ConfigDict(frozen=True)

    mean: float | None
    low: float | None
    high: float | None
    sd: float | None  # of the sample, with n − 1
    n: int  # replicates that have a value
    note: str | None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def text(self) -> str | None:
        """The mean with half of its interval, `0.852 ± 0.011`; null where there is no mean."""
        if self.mean is None:
            return None
        if self.low is None or self.high is None:
            return _four_digits(self.mean)
        half = (self.high - self.low) / 2
        if half == 0:
            return f"{_four_digits(self.mean)} ± 0"
        return f"{_shown(self.mean, half)} ± {_shown(half, half)}"


class Comparison(BaseModel):
    """The best point against the runner-up: how much better it is, in the direction of the goal.

    `differs` is whether the interval of the mean difference excludes 0; null where no interval can be formed.
    """

    model_config = ConfigDict(frozen=True)

    best: int  # points' numbers
    runner_up: int
    difference: float | None
    low: float | None
    high: float | None
    n: int  # replicates that both have a value of
    differs: bool | None
    words: str


class Side(BaseModel):
    """One point of a comparison: its number and its values by replicate."""

    model_config = ConfigDict(frozen=True)

    point: int
    values: Values


def estimate(values: Sequence[float | None], seeds: int, failed: int = 0) -> Estimate:
    """The mean of the finite values among `seeds` replicates, of which `failed` have failed."""
    found = [value for value in values if _usable(value)]
    if not found:
        note = f"no value: {_all_of(seeds)} failed" if failed >= seeds else "no value yet"
        return Estimate(mean=None, low=None, high=None, sd=None, n=0, note=note)
    low, high = interval(found) or (None, None)
    return Estimate(
        mean=statistics.mean(found),
        low=low,
        high=high,
        sd=statistics.stdev(found) if len(found) > 1 else None,
        n=len(found),
        note=_note(found, seeds, failed),
    )


def interval(values: Sequence[float]) -> tuple[float, float] | None:
    """The 95 % interval of the mean; None for fewer than two values, a single number where all are equal."""
    n = len(values)
    if n < 2:
        return None
    mean = statistics.mean(values)
    half = t_quantile(n - 1) * statistics.stdev(values) / math.sqrt(n)
    return mean - half, mean + half


def compare(best: Side, runner_up: Side, goal: Literal["maximize", "minimize"], seeds: int) -> Comparison:
    """Compare over common replicates; one without a finite value on either side is left out."""
    ours, theirs = _common(best.values, runner_up.values)
    differences = _differences(ours, theirs, 1 if goal == "maximize" else -1)
    ends = interval(differences)
    if ends is not None and ends[0] == ends[1] != 0:
        # Values of a small validation part are coarse: a few seeds can give one and the same difference by
        # chance, and an interval without width would call it certain.
        ends = None
    return Comparison(
        best=best.point,
        runner_up=runner_up.point,
        difference=statistics.mean(differences) if differences else None,
        low=None if ends is None else ends[0],
        high=None if ends is None else ends[1],
        n=len(differences),
        differs=None if ends is None else not ends[0] <= 0 <= ends[1],
        words=_words(ours, theirs, differences, ends, seeds),
    )


@lru_cache(maxsize=256)
def t_quantile(df: int, confidence: float = CONFIDENCE) -> float:
    """The t with P(|T| ≤ t) = `confidence` for Student's T with `df` degrees of freedom, by bisection."""
    # With t = √df · tan θ the whole half-line is an angle in [0, π/2).
    low, high = 0.0, math.pi / 2
    while (middle := (low + high) / 2) not in (low, high):
        if _within(middle, df) < confidence:
            low = middle
        else:
            high = middle
    return math.sqrt(df) * math.tan(low)


def _within(theta: float, df: int) -> float:
    """P(|T| ≤ √df · tan θ), exact for an integer df: a finite sum of powers of cos θ.

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


def _usable(value: float | None) -> TypeGuard[float]:
    return value is not None and abs(value) <= LARGEST  # false for NaN, too


def _common(ours: Values, theirs: Values) -> tuple[list[float], list[float]]:
    """The values of the replicates that both sides have one of, in one order."""
    pairs = [
        (mine, other)
        for replicate, mine in sorted(ours.items())
        for other in [theirs.get(replicate)]
        if _usable(mine) and _usable(other)
    ]
    return [a for a, _ in pairs], [b for _, b in pairs]


def _differences(ours: Sequence[float], theirs: Sequence[float], sign: int) -> list[float]:
    """Of each pair; differences that are equal but for rounding are made equal."""
    found = [sign * (a - b) for a, b in zip(ours, theirs, strict=True)]
    noise = ROUNDING * max(map(abs, [*ours, *theirs]), default=0.0)
    if found and max(found) - min(found) <= noise:
        found = [0.0 if abs(found[0]) <= noise else found[0]] * len(found)
    return found


def _note(found: Sequence[float], seeds: int, failed: int) -> str | None:
    notes = []
    if seeds == 1:
        notes.append("one seed: no interval")
    elif len(found) == 1:
        notes.append(f"1 of {seeds} seeds has a value: no interval")
    elif len(found) < seeds:
        notes.append(f"{len(found)} of {seeds} seeds have a value")
    elif len(set(found)) == 1:
        notes.append(f"all {seeds} seeds gave the same value")
    if failed:
        notes.append("its trial failed" if seeds == 1 else f"{failed} of {seeds} trials failed")
    return "; ".join(notes) or None


def _all_of(seeds: int) -> str:
    return "the trial" if seeds == 1 else f"all {seeds} trials"


def _words(
    ours: Sequence[float],
    theirs: Sequence[float],
    differences: Sequence[float],
    ends: tuple[float, float] | None,
    seeds: int,
) -> str:
    """The comparison as a sentence."""
    unsaid = "so whether the best differs from the runner-up cannot be said"
    n = len(differences)
    if n == 0:
        return f"the best and the runner-up have no seed in common with a value of both, {unsaid}"
    if n == 1:
        return f"{'one seed' if seeds == 1 else 'one common seed so far'}: no interval, {unsaid}"
    difference = statistics.mean(differences)
    if ends is None:
        told = f"the best is ahead by {_shown(difference, abs(difference))} on each of {n} seeds"
        if difference < 0:
            told = f"the best is behind by {_shown(-difference, abs(difference))} on each of {n} common seeds"
        return f"{told}: without any spread there is no interval, {unsaid}"
    half = (ends[1] - ends[0]) / 2
    if half == 0:
        return f"the best and the runner-up have the same value on each of {n} seeds"
    means = statistics.mean(ours), statistics.mean(theirs)
    a, b, size, low, high = (_shown(value, half) for value in (*means, difference, *ends))
    told = f"difference {size}, 95 % interval {low} to {high} over {n} seeds"
    if ends[0] <= 0 <= ends[1]:
        return f"the best ({a}) and the runner-up ({b}) cannot be told apart: {told}"
    order = "is better than" if difference > 0 else "is worse on the common seeds than"
    return f"the best ({a}) {order} the runner-up ({b}): {told}"


def _four_digits(value: float) -> str:
    """A number with four significant digits, zeros at the end among them, and a true minus sign."""
    plain = value == 0 or 1e-3 <= abs(value) < 1e4
    return (f"{value:#.4g}" if plain else f"{value:.4g}").rstrip(".").replace("-", "−")


def _shown(value: float, scale: float) -> str:
    """A number with as many decimals as show two digits of `scale`, and a true minus sign."""
    places = max(0, 1 - math.floor(math.log10(scale)))
    text = f"{value:.{places}f}" if places <= 8 and abs(value) < 1e9 else f"{value:.3g}"
    return text.replace("-", "−")
