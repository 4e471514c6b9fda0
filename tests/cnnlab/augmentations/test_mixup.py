"""Mixup: the weighted mean of two images."""

import pytest
import torch
from scipy import stats

from cnnlab import rng
from cnnlab.augmentation import symmetric_beta
from cnnlab.augmentations.mixup import Mixup


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_images_and_shares_are_those_of_the_formula(alpha):
    generator = torch.Generator().manual_seed(1)
    x, other = (torch.rand(30, 2, 4, 3, generator=generator, dtype=torch.float64) * 255 for _ in range(2))
    u = torch.rand(30, 2, generator=generator, dtype=torch.float64)
    mixed, share = Mixup().mix(x.clone(), other, u, alpha)
    for i in range(30):
        weight = float(symmetric_beta(u[i : i + 1, 0], u[i : i + 1, 1], alpha))
        assert float(share[i]) == weight
        torch.testing.assert_close(mixed[i], weight * x[i] + (1 - weight) * other[i], rtol=0, atol=1e-12)


def test_shares_are_beta():
    row = torch.tensor([5], dtype=torch.int32)
    u = rng.uniform(row, rng.AUGMENT, row, 10_000).view(-1, 2)
    x = torch.zeros(len(u), 1, 1, 1, dtype=torch.float64)
    mixed, share = Mixup().mix(x, torch.ones_like(x), u, 0.4)
    assert stats.kstest(share.numpy(), stats.beta(0.4, 0.4).cdf).pvalue > 0.01
    torch.testing.assert_close(mixed.flatten(), 1 - share, rtol=0, atol=1e-15)
