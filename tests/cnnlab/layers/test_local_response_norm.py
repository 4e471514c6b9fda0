"""Local response normalization: the paper's formula, written out."""

import pytest
import torch

from cnnlab.layer import Context, Mode
from cnnlab.layers.local_response_norm import LocalResponseNorm

NOTHING = Context({}, frozenset(), torch.zeros(0), torch.zeros(0), Mode.TRAIN)


@pytest.mark.parametrize("n", [1, 4, 5])
@pytest.mark.parametrize("rows", [1, 3])
def test_it_is_the_papers_formula(n, rows):
    x = torch.randn(2, rows, 7, 2, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    y = LocalResponseNorm(n, 0.3, 0.6, 1.5).forward(x, [], [], NOTHING)
    for c in range(7):
        near = x[:, :, max(0, c - n // 2) : c + (n - 1) // 2 + 1].square().sum(2)
        expected = x[:, :, c] / (1.5 + 0.3 * near) ** 0.6
        torch.testing.assert_close(y[:, :, c], expected, rtol=1e-13, atol=0)


def test_the_defaults_are_the_papers():
    layer = LocalResponseNorm()
    assert (layer.n, layer.alpha, layer.beta, layer.k) == (5, 1e-4, 0.75, 2)


def test_a_shared_batch_stays_shared():
    x = torch.randn(2, 1, 7, 2, 3).expand(-1, 4, -1, -1, -1)
    assert LocalResponseNorm().forward(x, [], [], NOTHING).stride(1) == 0
