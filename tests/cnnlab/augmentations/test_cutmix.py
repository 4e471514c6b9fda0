"""CutMix: which pixels come from the other image, as a loop would find them."""

import math

import pytest
import torch
from scipy import stats

from cnnlab import rng
from cnnlab.augmentation import symmetric_beta
from cnnlab.augmentations.cutmix import Cutmix


def noise(n):
    row = torch.tensor([5], dtype=torch.int32)
    return rng.uniform(row, rng.AUGMENT, row, 4 * n).view(n, 4)


def cut(u, alpha, height, width):
    """Return which pixels are replaced, row by row."""
    ratio = math.sqrt(1 - float(symmetric_beta(u[None, 0], u[None, 1], alpha)))
    top, left = float(u[2]) * height, float(u[3]) * width
    return [
        [
            abs(i + 0.5 - top) < ratio * height / 2 and abs(j + 0.5 - left) < ratio * width / 2
            for j in range(width)
        ]
        for i in range(height)
    ]


@pytest.mark.parametrize("alpha", [0.3, 1.0])
def test_a_rectangle_comes_from_the_other_image(alpha):
    height, width, n = 7, 10, 60
    x, other = torch.zeros(n, 2, height, width), torch.ones(n, 2, height, width)
    u = noise(n)
    mixed, share = Cutmix().mix(x, other, u, alpha)
    for i in range(n):
        replaced = torch.tensor(cut(u[i], alpha, height, width))
        assert torch.equal(mixed[i, 0], replaced.float())
        assert torch.equal(mixed[i, 1], replaced.float())
        assert float(share[i]) == pytest.approx(1 - int(replaced.sum()) / (height * width), abs=1e-15)


def test_inside_of_a_large_image_the_share_is_beta():
    """Rectangles that touch no edge: their area is as drawn, up to pixels."""
    u = noise(1500)
    u[:, 2:] = 0.5
    images = torch.zeros(2, 100, 1, 300, 300)
    shares = torch.cat([Cutmix().mix(*images, part, 1.0)[1] for part in u.split(100)])
    assert stats.kstest(shares.numpy(), stats.uniform.cdf).pvalue > 0.01


def test_a_series_is_cut_along_its_only_side():
    u = noise(2000)
    u[:, 3] = 0.5
    mixed, share = Cutmix().mix(torch.zeros(2000, 1, 1, 1000), torch.ones(2000, 1, 1, 1000), u, 1.0)
    assert stats.kstest(share.numpy(), stats.uniform.cdf).pvalue > 0.01
    torch.testing.assert_close(mixed.mean((1, 2, 3)).double(), 1 - share, rtol=0, atol=1e-5)
