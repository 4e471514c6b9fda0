"""Sums over rows: a row's bits are its own, whatever stands beside it and however many threads there are."""

import subprocess
import sys

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


def test_with_two_threads_a_row_is_what_it_is_alone():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
