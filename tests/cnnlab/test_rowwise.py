"""Sums over rows: a row's bits are its own, whatever stands beside it and however many threads there are."""

import subprocess
import sys

import pytest
import torch

from cnnlab.rowwise import dot, size

LONG = 50_000  # from some 33,000 numbers on torch splits a single row's sum among threads
PROGRAM = f"""
import torch
from cnnlab.rowwise import dot, size
torch.set_num_threads(2)
a = torch.randn(4, {LONG}, generator=torch.Generator().manual_seed(1))
b = torch.randn(4, {LONG}, generator=torch.Generator().manual_seed(2))
for k in range(4):
    assert torch.equal(dot(a[k : k + 1], b[k : k + 1]), dot(a, b)[k : k + 1])
    assert torch.equal(size(a[k : k + 1]), size(a)[k : k + 1])
"""


def test_they_are_sums():
    a, b = torch.tensor([[1.0, -2.0], [3.0, 0.5]]), torch.tensor([[4.0, 1.0], [2.0, -6.0]])
    assert dot(a, b).tolist() == [[2.0], [3.0]]
    assert size(a).tolist() == [[3.0], [3.5]]


@pytest.mark.long
def test_with_two_threads_a_row_is_what_it_is_alone():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr


def test_a_row_is_the_same_wherever_it_begins_in_memory():
    """A BLAS may take other instructions for numbers that begin at an odd address."""
    a, b = (torch.randn(1, 133, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2))
    for length in (5, 16, 77, 133):
        x, y = a[:, :length], b[:, :length]
        for offset in range(1, 17):
            moved = torch.zeros(2, 1, offset + length)
            moved[0, :, offset:], moved[1, :, offset:] = x, y
            assert torch.equal(dot(moved[0, :, offset:], moved[1, :, offset:]), dot(x, y))
            assert torch.equal(size(moved[0, :, offset:]), size(x))
