"""Images on a device: normalized by the training part, shared where rows share them."""

import pytest
import torch

from cnnlab.batching.on_device import CHUNK_IMAGES, DeviceData
from cnnlab.data import Images, Info

G = torch.Generator().manual_seed(1)
CPU = torch.device("cpu")
DATA = {"validation": 0.0, "folds": 0, "fraction": 1.0, "label_noise": 0.0, "resize": 0}


def resident(images, dtype=torch.float64, seed=0, centred=True, **data):
    shape = tuple(images.train_x.shape[1:])
    info = Info(shape, 3, len(images.train_x), len(images.test_x), centred=centred)
    return DeviceData(images, DATA | data, info, seed, CPU, dtype)


def images(n=60, m=20):
    x = torch.randint(256, (n, 2, 4, 3), generator=G, dtype=torch.uint8)
    x[:, 1] = 9  # a constant channel
    y = torch.arange(n) % 3
    return Images(x, y, torch.randint(256, (m, 2, 4, 3), generator=G, dtype=torch.uint8), torch.arange(m) % 3)


def test_the_training_part_has_mean_0_and_deviation_1():
    data = images()
    parts = resident(data, validation=0.2)
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (48, 12, 20)
    x, y = parts.train.batch(slice(0, 48), 1)
    assert float(x[:, 0, 0].mean()) == pytest.approx(0, abs=1e-12)
    assert float(x[:, 0, 0].std(correction=0)) == pytest.approx(1, abs=1e-12)
    assert x[:, 0, 1].abs().max() < 1e-12
    assert y[:, 0].bincount().tolist() == [16, 16, 16]


def test_pixels_are_scaled_as_documented():
    data = images()
    pixels = data.train_x[:, 0].double() / 255
    x, _ = resident(data).test.batch(slice(0, 20), 1)
    expected = (data.test_x[:, 0].double() / 255 - pixels.mean()) / pixels.std(correction=0)
    torch.testing.assert_close(x[:, 0, 0], expected, rtol=0, atol=1e-12)


def test_a_shared_batch_takes_the_memory_of_one():
    x, y = resident(images(), torch.float32).train.batch(torch.tensor([3, 1, 4]), 5)
    assert x.shape == (3, 5, 2, 4, 3)
    assert y.shape == (3, 5)
    assert (x.stride(1), y.stride(1)) == (0, 0)


def test_rows_of_different_replicates_see_their_own_images():
    train = resident(images(), torch.float32).train
    index = torch.tensor([[0, 7], [1, 8], [2, 9]])  # (N, replicates)
    x, y = train.batch_per_row(index, torch.tensor([1, 0, 1]))
    for row, replicate in enumerate([1, 0, 1]):
        own_x, own_y = train.batch(index[:, replicate], 1)
        assert torch.equal(x[:, row], own_x[:, 0])
        assert torch.equal(y[:, row], own_y[:, 0])


def test_chunks_go_through_everything_once():
    train = resident(images(n=3 * CHUNK_IMAGES // 2), torch.float32).train
    sizes = [len(x) for x, _ in train.chunks(2)]
    assert sizes == [CHUNK_IMAGES, CHUNK_IMAGES // 2]


def test_black_stays_0_where_images_are_not_centred():
    data = images()
    x, _ = resident(data, centred=False).test.batch(slice(0, 20), 1)
    torch.testing.assert_close(x[:, 0], data.test_x.double() / 255, rtol=0, atol=1e-15)
    assert torch.equal(x[:, 0] == 0, data.test_x == 0)
    assert (data.test_x == 0).any()


@pytest.mark.parametrize("side", [2, 4, 9])
def test_every_part_is_scaled_as_torch_does(side):
    data = images()
    parts, stored = resident(data, validation=0.2, resize=side), resident(data, validation=0.2)
    for part, own in (
        (parts.train, stored.train),
        (parts.validation, stored.validation),
        (parts.test, stored.test),
    ):
        (x, y), (before, _) = part.batch(slice(0, 9), 2), own.batch(slice(0, 9), 1)
        expected = torch.nn.functional.interpolate(
            before[:, 0].contiguous(),
            size=(side, side),
            mode="bilinear",
            align_corners=False,
            antialias=False,
        )
        assert x.shape == (9, 2, 2, side, side)
        assert torch.equal(y[:, 0], own.y[:9])
        for row in (0, 1):
            torch.testing.assert_close(x[:, row], expected, rtol=0, atol=1e-12)
    assert parts.train.x.shape == stored.train.x.shape  # bytes stay at their own size
    assert parts.train.x.dtype == torch.uint8


def test_scaling_to_the_size_that_they_have_changes_no_bit():
    data = Images(*(x[:, :, :3] if x.ndim == 4 else x for part in images().parts().values() for x in part))
    for dtype in (torch.float32, torch.float64):
        x, _ = resident(data, dtype).train.batch(slice(0, 60), 1)
        assert torch.equal(resident(data, dtype, resize=3).train.batch(slice(0, 60), 1)[0], x)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_rows_scaled_images_have_the_same_bits_among_any_others(dtype):
    train = resident(images(), dtype, resize=7).train
    index = torch.randint(60, (11, 3), generator=G)
    wide, _ = train.batch_per_row(index, torch.tensor([2, 0, 1, 0]))
    for row, stream in enumerate((2, 0, 1, 0)):
        alone, _ = train.batch_per_row(index[:, stream : stream + 1], torch.tensor([0]))
        assert torch.equal(wide[:, row], alone[:, 0])
    assert wide.permute(0, 3, 4, 1, 2).is_contiguous()


def test_only_the_training_part_has_label_noise():
    data = images()
    noisy, clean = resident(data, validation=0.2, label_noise=0.5), resident(data, validation=0.2)
    assert int((noisy.train.y != clean.train.y).sum()) == 24  # half of 48
    assert torch.equal(noisy.validation.y, clean.validation.y)
    assert torch.equal(noisy.test.y, clean.test.y)
    one, other = (resident(data, seed=seed, label_noise=0.5) for seed in (0, 1))  # of the same images
    assert not torch.equal(other.train.y, one.train.y)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_targets_that_are_numbers_are_of_the_arrays_type(dtype):
    classes = images()
    data = Images(classes.train_x, classes.train_y / 7, classes.test_x, classes.test_y / 7)
    parts = resident(data, dtype, validation=0.25)
    assert (len(parts.train), len(parts.validation)) == (45, 15)
    for part in (parts.train, parts.validation, parts.test):
        assert part.batch(slice(0, 3), 2)[1].dtype == dtype
    assert torch.equal(parts.test.y, data.test_y.to(dtype))


def test_a_change_is_made_before_pixels_are_normalized_and_scaled():
    seen = []

    def black(x):
        seen.append((x.shape, float(x.min()), float(x.max())))
        return torch.zeros_like(x)

    data = images()
    train = resident(data, resize=2).train
    x, _ = train.batch(torch.tensor([0, 1]), 1, black)
    wide, _ = train.batch_per_row(torch.tensor([[0, 2], [1, 3]]), torch.tensor([0, 1]), black)
    pixels = data.train_x[:, 0].double() / 255
    for batch in (x, wide):
        torch.testing.assert_close(
            batch[:, :, 0],
            (-pixels.mean() / pixels.std(correction=0)).expand_as(batch[:, :, 0]),
            rtol=0,
            atol=1e-12,
        )
    assert [shape for shape, _, _ in seen] == [(2, 2, 4, 3), (4, 2, 4, 3)]
    assert all(low >= 0 and high > 200 for _, low, high in seen)


def test_a_change_may_leave_its_images_in_any_layout():
    """What a net gets has channels innermost all the same, which is fast."""
    train = resident(images()).train
    for change in (torch.Tensor.contiguous, lambda x: x.mT.contiguous().mT):
        x, _ = train.batch(torch.tensor([0, 1, 2, 3]), 1, change)
        plain, _ = train.batch(torch.tensor([0, 1, 2, 3]), 1)
        assert torch.equal(x, plain)
        assert x.stride() == plain.stride()
        index = torch.tensor([[0, 1], [2, 3]])
        wide, _ = train.batch_per_row(index, torch.tensor([0, 1]), change)
        assert torch.equal(wide, train.batch_per_row(index, torch.tensor([0, 1]))[0])
