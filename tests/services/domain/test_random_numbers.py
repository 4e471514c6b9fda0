"""Permutations by hash: a bijection on small ranges, and all of it reached on huge ones."""

from __future__ import annotations

import pytest

from services.domain.random_numbers import permuted, unpermuted


@pytest.mark.parametrize("size", [1, 2, 3, 17, 256])
def test_a_permutation_takes_each_place_once(size: int) -> None:
    assert sorted(permuted(index, size, 7) for index in range(size)) == list(range(size))


@pytest.mark.parametrize("bits", [60, 200, 1000])
def test_a_huge_range_is_reached_all_over(bits: int) -> None:
    places = [permuted(index, 2**bits, 7) >> (bits - 4) for index in range(400)]
    assert set(places) == set(range(16))


@pytest.mark.parametrize("size", [1, 2, 17, 256, 2**60, 10**40])
def test_it_can_be_undone(size: int) -> None:
    places = {0, size - 1, size // 3, size // 2}
    assert {unpermuted(permuted(index, size, "x", 3), size, "x", 3) for index in places} == places
    assert {permuted(unpermuted(index, size, "x", 3), size, "x", 3) for index in places} == places
