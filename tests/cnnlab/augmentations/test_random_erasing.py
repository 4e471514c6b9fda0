"""Random erasing: which rectangle is erased, as a loop would find it, and how often."""

import math

import numpy
import torch

from cnnlab import rng
from cnnlab.augmentations.random_erasing import RandomErasing


def noise(n, seed=3):
    row = torch.tensor([seed], dtype=torch.int32)
    return rng.uniform(row, rng.AUGMENT, row, n * RandomErasing.numbers).view(n, -1)


def erased(x, u, amount):
    """Return one image (C, H, W) with its rectangle erased, in plain Python."""
    _, height, width = x.shape
    y = x.copy()
    if u[0] >= amount:
        return y
    for k in range(10):
        area = (0.02 + 0.38 * u[4 + k]) * height * width
        aspect = 0.3 ** (2 * u[14 + k] - 1)
        tall, wide = (max(1, round(math.sqrt(v))) for v in (area * aspect, area / aspect))
        if tall <= height and wide <= width:
            top, left = math.floor(u[1] * (height - tall + 1)), math.floor(u[2] * (width - wide + 1))
            y[:, top : top + tall, left : left + wide] = 255 * u[3]
            return y
    return y


def test_it_equals_a_loop():
    for shape in ((1, 28, 28), (3, 9, 14), (2, 1, 24)):
        x = torch.rand(300, *shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 255
        u = noise(300)
        y = RandomErasing().value(x.clone(), u, 0.7)
        for own, before, numbers in zip(y.numpy(), x.numpy(), u.tolist(), strict=True):
            numpy.testing.assert_allclose(own, erased(before, numbers, 0.7), rtol=0, atol=1e-12)
        assert 0.5 < (y != x).flatten(1).any(1).double().mean() < 0.75


def test_erased_areas_have_the_mean_of_their_range():
    x = torch.full((4000, 1, 32, 32), -1.0)
    y = RandomErasing().value(x.clone(), noise(4000), 1.0)
    areas = (y >= 0).flatten(1).double().mean(1)
    assert (areas > 0).double().mean() > 0.999, "ten tries are nearly always enough"
    assert 0.015 < areas[areas > 0].min() < areas.max() < 0.42
    assert abs(float(areas.mean()) - 0.21) < 0.01
    assert all(len(image[image >= 0].unique()) <= 1 for image in y[:50]), "one grey for a rectangle"
