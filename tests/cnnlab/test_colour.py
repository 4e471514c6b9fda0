"""Changes of colour: what plain NumPy computes from the same random numbers."""

import numpy
import pytest
import torch

from cnnlab import colour, registry

N, SHAPE = 12, (5, 4)


def images(channels, dtype=torch.float64, n=N):
    generator = torch.Generator().manual_seed(channels)
    whole = torch.randint(256, (n, *SHAPE, channels), generator=generator)
    return whole.to(dtype).permute(0, 3, 1, 2)


def noise(n=N):
    return torch.rand(n, 1, generator=torch.Generator().manual_seed(9), dtype=torch.float64)


def grey_of(x):
    """Return (H, W) of an image (C, H, W)."""
    return 0.299 * x[0] + 0.587 * x[1] + 0.114 * x[2] if len(x) == 3 else x.mean(0)


def expected(name, x, f):
    to = {"brightness": 0.0, "contrast": grey_of(x).mean(), "saturation": grey_of(x)}[name]
    return numpy.clip(f * x + (1 - f) * to, 0, 255)


@pytest.mark.parametrize("amount", [0.3, 1.0])
@pytest.mark.parametrize(
    ("name", "channels"),
    [
        ("brightness", 1),
        ("brightness", 3),
        ("contrast", 1),
        ("contrast", 2),
        ("contrast", 3),
        ("saturation", 3),
    ],
)
def test_each_equals_its_formula(name, channels, amount):
    x, u = images(channels), noise()
    y = registry.get("augmentations", name)().value(x.clone(), u, amount)
    for own, before, number in zip(y.numpy(), x.numpy(), u[:, 0].tolist(), strict=True):
        f = 1 + amount * (2 * number - 1)
        numpy.testing.assert_allclose(own, expected(name, before, f), rtol=0, atol=1e-4)
    assert (y - x).abs().max() > 10


def test_factors_are_uniform_around_1():
    u = torch.tensor([1e-12, 0.25, 0.5, 1 - 1e-12], dtype=torch.float64)
    found = colour.factor(u, 0.4, torch.zeros(1, dtype=torch.float64)).flatten()
    assert found.tolist() == pytest.approx([0.6, 0.8, 1.0, 1.4])


def test_a_grey_image_of_three_channels_has_no_saturation_to_change():
    x = images(1).expand(-1, 3, -1, -1)
    y = registry.get("augmentations", "saturation")().value(x.clone(), noise(), 1.0)
    torch.testing.assert_close(y, x, rtol=0, atol=1e-10)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_mean_has_the_same_bits_in_any_batch_and_layout(dtype):
    x = images(3, dtype, n=200) / 3
    means = colour.mean_grey(x)
    torch.testing.assert_close(means, colour.grey(x).mean((1, 2, 3), keepdim=True), rtol=0, atol=1e-4)
    assert torch.equal(colour.mean_grey(x.contiguous()), means)
    assert all(torch.equal(colour.mean_grey(x[i : i + 1]), means[i : i + 1]) for i in range(20))
