"""How often 95 % intervals hold the truth: Student's over seeds, Wilson's over images, by simulation.

Run: python -m benchmarks.interval_coverage [N]. Values over seeds are normal.
"""

import math
import random
import sys

from services.domain.results.intervals import interval
from services.domain.results.share import Share, Z


def seeds(rng: random.Random, n: int, times: int) -> float:
    """Return the share of Student's intervals over n seeds that hold the mean."""
    hits = 0
    for _ in range(times):
        low, high = interval([rng.gauss(0.9, 0.01) for _ in range(n)]) or (0.0, 0.0)
        hits += low <= 0.9 <= high
    return hits / times


def images(rng: random.Random, n: int, truth: float, times: int) -> tuple[float, float]:
    """Return the same of Wilson's intervals of n images, and of those of the binomial standard error."""
    wilson = binomial = 0
    for _ in range(times):
        share = sum(rng.random() < truth for _ in range(n)) / n
        half = Share(images=n).sampling_error(share) or 0.0
        centre = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
        wilson += abs(truth - centre) <= half
        binomial += abs(truth - share) <= Z * math.sqrt(share * (1 - share) / n)
    return wilson / times, binomial / times


def main() -> None:
    """Simulate and print."""
    times, rng = int(sys.argv[1]) if len(sys.argv) > 1 else 4000, random.Random(7)  # noqa: S311 (no secret)
    for n in (2, 3, 5, 10):
        sys.stdout.write(f"{n} seeds: {100 * seeds(rng, n, times):.1f} %\n")
    for n in (80, 1000):
        for truth in (0.5, 0.9, 0.99):
            wilson, plain = (100 * found for found in images(rng, n, truth, times))
            sys.stdout.write(f"{n} images, accuracy {truth}: Wilson {wilson:.1f} %, binomial {plain:.1f} %\n")


if __name__ == "__main__":
    main()
