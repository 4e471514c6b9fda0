"""Random search: as many distinct points as asked for, each as likely as any other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.domain.search.random import Random

SIZES = st.lists(st.integers(1, 50), min_size=1, max_size=5)


@given(SIZES, st.integers(1, 300), st.integers(0, 2**31 - 1))
def test_random_visits_as_many_distinct_points_as_asked(sizes: list[int], points: int, seed: int) -> None:
    random = Random()
    counts = random.visits(sizes, points, seed)
    assert sum(counts) == min(points, sum(sizes))
    for shape, (count, size) in enumerate(zip(counts, sizes, strict=True)):
        visited = {random.index(i, size, seed, shape) for i in range(count)}
        assert len(visited) == count <= size
        assert visited <= set(range(size))


def test_random_visits_all_points_about_equally_often() -> None:
    random = Random()
    hits = [0] * 12
    for seed in range(3000):
        counts = random.visits([9, 3], 4, seed)
        hits[0] += counts[0]
        for i in range(counts[1]):
            hits[9 + random.index(i, 3, seed, 1)] += 1
    assert hits[0] / 3000 == pytest.approx(3.0, abs=0.1)  # 4 of 12 points, 9 of them in the first shape
    assert [hit / 3000 for hit in hits[9:]] == pytest.approx([1 / 3] * 3, abs=0.05)


def test_another_seed_is_another_choice() -> None:
    random = Random()
    orders = {tuple(random.index(i, 1000, seed, 0) for i in range(5)) for seed in range(20)}
    assert len(orders) == 20


def test_every_shape_has_an_order_of_its_own() -> None:
    random = Random()
    orders = {tuple(random.index(i, 1000, 0, shape) for i in range(5)) for shape in range(20)}
    assert len(orders) == 20
