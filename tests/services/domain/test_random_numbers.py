"""Permutations by hash: a bijection on small ranges, and all of it reached on huge ones."""

from __future__ import annotations

import pytest

from services.domain.random_numbers import permuted


@pytest.mark.parametrize("size", [1, 2, 3, 17, 256])
def test_a_permutation_takes_each_place_once(size: int) -> None:
    assert sorted(permuted(index, size, 7) for index in range(size)) == list(range(size))


@pytest.mark.parametrize("bits", [60, 200, 1000])
def test_a_huge_range_is_reached_all_over(bits: int) -> None:
    places = [permuted(index, 2**bits, 7) >> (bits - 4) for index in range(400)]
    assert set(places) == set(range(16))
