"""CMA-ES in plain Python: a normal distribution that moves, grows and turns towards good results.

The state is a function of results in their order: it is made anew from them, so nothing of it is stored.
Sources: N. Hansen, "The CMA evolution strategy: a tutorial", arXiv 1604.00772 (2016), for the update and its
constants; T. Suttorp, N. Hansen and C. Igel, Machine Learning 75 (2009), for the Cholesky factor in place of
the eigenvectors; N. Hansen, "Injecting external solutions into CMA-ES", arXiv 1110.4181 (2011), for samples
that the present distribution has not drawn.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

FIRST_MEAN = 0.5  # of a cube with sides from 0 to 1
FIRST_SIGMA = 0.3
MIN_SIGMA, MAX_SIGMA = 1e-8, 1.0
JITTER = 1e-12  # added to the diagonal before the factor is computed

Vector = list[float]


class Evolution:
    """The distribution N(m, σ²·C) of `n` numbers, with C = A·Aᵀ; `population` results make one update."""

    def __init__(self, n: int) -> None:
        self.population = 4 + math.floor(3 * math.log(n))
        half = self.population // 2
        raw = [math.log((self.population + 1) / 2) - math.log(rank) for rank in range(1, half + 1)]
        self.weights = [weight / sum(raw) for weight in raw]
        self.mean: Vector = [FIRST_MEAN] * n
        self.sigma = FIRST_SIGMA
        self.factor = [[float(row == column) for column in range(n)] for row in range(n)]
        self._covariance = [list(row) for row in self.factor]
        self._path_c, self._path_sigma, self._updates = [0.0] * n, [0.0] * n, 0
        mass = 1 / sum(weight * weight for weight in self.weights)
        self._mass = mass
        self._c_sigma = (mass + 2) / (n + mass + 5)
        self._damping = 1 + 2 * max(0.0, math.sqrt((mass - 1) / (n + 1)) - 1) + self._c_sigma
        self._c_c = (4 + mass / n) / (n + 4 + 2 * mass / n)
        self._c_1 = 2 / ((n + 1.3) ** 2 + mass)
        self._c_mu = min(1 - self._c_1, 2 * (mass - 2 + 1 / mass) / ((n + 2) ** 2 + mass))
        self._norm = math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n))  # of a normal vector, expected

    def sample(self, normal: Sequence[float]) -> Vector:
        """The point that some standard normal numbers lead to: m + σ·A·z."""
        return [
            mean + self.sigma * sum(a * z for a, z in zip(row, normal, strict=False))
            for mean, row in zip(self.mean, self.factor, strict=True)
        ]

    def deviation(self, place: int) -> float:
        """The standard deviation of one number."""
        return self.sigma * math.sqrt(self._covariance[place][place])

    def update(self, ranked: Sequence[Vector]) -> None:
        """Move towards the better half of some points, the best first.

        A point farther from the mean than the distribution would draw one is moved towards it first, to a
        length of √n + 2n / (n + 2).
        """
        n = len(self.mean)
        farthest = math.sqrt(n) + 2 * n / (n + 2)
        steps, normals = [], []
        for point in ranked[: len(self.weights)]:
            step = [(x - mean) / self.sigma for x, mean in zip(point, self.mean, strict=True)]
            normal = _solve(self.factor, step)
            shrink = min(1.0, farthest / (_length(normal) or 1.0))
            steps.append([shrink * each for each in step])
            normals.append([shrink * each for each in normal])
        step, normal = _weighted(self.weights, steps), _weighted(self.weights, normals)
        self.mean = [mean + self.sigma * each for mean, each in zip(self.mean, step, strict=True)]
        keep = math.sqrt(self._c_sigma * (2 - self._c_sigma) * self._mass)
        self._path_sigma = [
            (1 - self._c_sigma) * path + keep * each
            for path, each in zip(self._path_sigma, normal, strict=True)
        ]
        self._updates += 1
        length = _length(self._path_sigma)
        settled = length / math.sqrt(1 - (1 - self._c_sigma) ** (2 * self._updates))
        moves = settled < (1.4 + 2 / (n + 1)) * self._norm
        keep = math.sqrt(self._c_c * (2 - self._c_c) * self._mass) if moves else 0.0
        self._path_c = [
            (1 - self._c_c) * path + keep * each for path, each in zip(self._path_c, step, strict=True)
        ]
        lost = 0.0 if moves else self._c_1 * self._c_c * (2 - self._c_c)
        self._turn(steps, 1 - self._c_1 - self._c_mu + lost)
        growth = self._c_sigma / self._damping * (length / self._norm - 1)
        self.sigma = min(max(self.sigma * math.exp(min(1.0, growth)), MIN_SIGMA), MAX_SIGMA)

    def _turn(self, steps: Sequence[Vector], kept: float) -> None:
        """Update the covariance by the path and by the steps, and factor it."""
        for row in range(len(self.mean)):
            for column in range(row + 1):
                found = kept * self._covariance[row][column]
                found += self._c_1 * self._path_c[row] * self._path_c[column]
                for weight, step in zip(self.weights, steps, strict=True):
                    found += self._c_mu * weight * step[row] * step[column]
                self._covariance[row][column] = self._covariance[column][row] = found
        self.factor = _cholesky(self._covariance)


def _weighted(weights: Sequence[float], vectors: Sequence[Vector]) -> Vector:
    return [
        sum(w * each for w, each in zip(weights, column, strict=True))
        for column in zip(*vectors, strict=True)
    ]


def _length(vector: Iterable[float]) -> float:
    return math.sqrt(sum(each * each for each in vector))


def _cholesky(matrix: Sequence[Sequence[float]]) -> list[Vector]:
    """The lower triangle A, row by row, with A·Aᵀ = matrix; a pivot is never below the jitter."""
    factor: list[Vector] = []
    for row, values in enumerate(matrix):
        found: Vector = []
        for column in range(row):
            other = factor[column]
            found.append((values[column] - sum(map(float.__mul__, found, other))) / other[column])
        found.append(math.sqrt(max(values[row] - sum(each * each for each in found), JITTER)))
        factor.append(found)
    return factor


def _solve(factor: Sequence[Vector], vector: Sequence[float]) -> Vector:
    """The x with factor·x = vector."""
    found: Vector = []
    for row, value in zip(factor, vector, strict=True):
        found.append((value - sum(map(float.__mul__, row, found))) / row[len(found)])
    return found
