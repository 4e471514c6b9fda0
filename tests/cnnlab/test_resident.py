"""Images on a device: normalized by the training part, shared where rows share them."""

import pytest
import torch

from cnnlab.data import Images
from cnnlab.resident import CHUNK, Resident

G = torch.Generator().manual_seed(1)


def images(n=60, m=20):
    x = torch.randint(256, (n, 2, 4, 3), generator=G, dtype=torch.uint8)
    x[:, 1] = 9  # a constant channel
    y = torch.arange(n) % 3
    return Images(x, y, torch.randint(256, (m, 2, 4, 3), generator=G, dtype=torch.uint8), torch.arange(m) % 3)


def test_the_training_part_has_mean_0_and_deviation_1():
    data = images()
    resident = Resident(data, 0.2, 0, torch.device("cpu"), torch.float64)
    assert (len(resident.train), len(resident.validation), len(resident.test)) == (48, 12, 20)
    x, y = resident.train.batch(slice(0, 48), 1)
    assert float(x[:, 0, 0].mean()) == pytest.approx(0, abs=1e-12)
    assert float(x[:, 0, 0].std(correction=0)) == pytest.approx(1, abs=1e-12)
    assert x[:, 0, 1].abs().max() < 1e-12
    assert y[:, 0].bincount().tolist() == [16, 16, 16]


def test_pixels_are_scaled_as_documented():
    data = images()
    resident = Resident(data, 0.0, 0, torch.device("cpu"), torch.float64)
    pixels = data.train_x[:, 0].double() / 255
    x, _ = resident.test.batch(slice(0, 20), 1)
    expected = (data.test_x[:, 0].double() / 255 - pixels.mean()) / pixels.std(correction=0)
    torch.testing.assert_close(x[:, 0, 0], expected, rtol=0, atol=1e-12)


def test_a_shared_batch_takes_the_memory_of_one():
    resident = Resident(images(), 0.0, 0, torch.device("cpu"), torch.float32)
    x, y = resident.train.batch(torch.tensor([3, 1, 4]), 5)
    assert x.shape == (3, 5, 2, 4, 3)
    assert y.shape == (3, 5)
    assert (x.stride(1), y.stride(1)) == (0, 0)


def test_rows_of_different_replicates_see_their_own_images():
    resident = Resident(images(), 0.0, 0, torch.device("cpu"), torch.float32)
    index = torch.tensor([[0, 7], [1, 8], [2, 9]])  # (N, replicates)
    x, y = resident.train.batch_per_row(index, torch.tensor([1, 0, 1]))
    for row, replicate in enumerate([1, 0, 1]):
        own_x, own_y = resident.train.batch(index[:, replicate], 1)
        assert torch.equal(x[:, row], own_x[:, 0])
        assert torch.equal(y[:, row], own_y[:, 0])


def test_chunks_go_through_everything_once():
    resident = Resident(images(n=3 * CHUNK // 2), 0.0, 0, torch.device("cpu"), torch.float32)
    sizes = [len(x) for x, _ in resident.train.chunks(2)]
    assert sizes == [CHUNK, CHUNK // 2]
