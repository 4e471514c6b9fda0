"""The base of augmentations: numbers of a symmetric Beta distribution."""

import pytest
import torch
from scipy import stats

from cnnlab import rng
from cnnlab.augmentation import symmetric_beta

DRAWS = 20_000


def uniform(count):
    row = torch.tensor([7], dtype=torch.int32)
    return rng.uniform(row, rng.AUGMENT, row, 2 * DRAWS)[0].view(-1, 2)[:count]


@pytest.mark.parametrize("alpha", [0.2, 0.5, 1.0, 1.5, 4.0, 100.0])
def test_the_distribution_is_beta(alpha):
    """By the test of Kolmogorov and Smirnov; the seed is fixed.

    Of a smaller α too many numbers are 0 or 1 once they are rounded.
    """
    u = uniform(DRAWS)
    drawn = symmetric_beta(u[:, 0], u[:, 1], alpha)
    assert stats.kstest(drawn.numpy(), stats.beta(alpha, alpha).cdf).pvalue > 0.01
    other = stats.beta(1.1 * alpha, 1.1 * alpha).cdf
    assert stats.kstest(drawn.numpy(), other).pvalue < 0.01, "the test can fail"


@pytest.mark.parametrize("alpha", [1e-9, 1e-3, 1e3])
def test_extreme_shapes_give_numbers_from_0_to_1(alpha):
    u = torch.cartesian_prod(*[torch.tensor([2.0**-33, 0.25, 0.5, 1 - 2.0**-33], dtype=torch.float64)] * 2)
    drawn = symmetric_beta(u[:, 0], u[:, 1], alpha)
    assert ((drawn >= 0) & (drawn <= 1)).all()
