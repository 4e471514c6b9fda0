"""Steps of several batches: the same as of one large batch, where no layer looks at the batch."""

import packing
import pytest
import torch

from cnnlab import resolve
from cnnlab.config import is_row, shape_key
from cnnlab.engine.array import Array
from cnnlab.engine.cost import inspect
from cnnlab.engine.net import build
from cnnlab.engine.step_memory import gpu_bytes_per_row
from cnnlab.errors import ConfigError
from cnnlab.fit import Fit, Row

MLP = {"name": "mlp", "hidden": [12], "dropout": 0.3}


def config(batch_size, accumulate, model=MLP, data=(), **train):
    return resolve(
        {
            "model": model,
            "data": {"name": "fashion-mnist-mini", **dict(data)},
            "train": {"batch_size": batch_size, "accumulate": accumulate, "precision": "float64", **train},
        }
    )


@pytest.mark.parametrize(
    "train",
    [
        {"optimizer": "adam", "l2": 0.01, "clip_norm": 0.5},
        {"optimizer": "nesterov-a", "ema": 0.9, "warmup": 1},
        {"loss": {"name": "softmax", "class_weights": "balanced", "smoothing": 0.1}},
    ],
)
def test_two_batches_are_one_of_twice_the_size(train):
    """With dropout, penalties and fewer images in the last step: 5,400 are twice 2,100, and 1,200."""
    parts, whole = (Fit([Row(config(*size, **train), 1)]) for size in ((700, 3), (2100, 1)))
    for _ in range(2):
        (found,), (expected,) = parts.run_epoch(), whole.run_epoch()
        for name, value in expected.metrics.items():
            assert found.metrics[name] == pytest.approx(value, abs=1e-11)
    assert parts.array.steps.tolist() == whole.array.steps.tolist() == [6]
    torch.testing.assert_close(parts.array.theta, whole.array.theta, rtol=0, atol=1e-11)


def test_batches_of_each_class_in_proportion_too():
    data = {"batches": "balanced", "stream": "trial", "flip": 0.5}
    parts, whole = (Fit([Row(config(*size, data=data), 1)] * 2) for size in ((300, 2), (600, 1)))
    for fit in (parts, whole):
        fit.run_epoch()
    torch.testing.assert_close(parts.array.theta, whole.array.theta, rtol=0, atol=1e-11)


def test_normalization_is_by_the_statistics_of_each_batch():
    """Running statistics follow two batches in turn: means of 0.9 and 0.1, twice."""
    model = {"name": "mlp", "hidden": [5], "norm": "batch"}
    array = Array(build(own := config(8, 2, model)), [own], [1])
    once = Array(array.net, [config(8, 1, model)], [1])
    x = torch.randn(16, 1, *array.net.shape, dtype=torch.float64)
    y = torch.randint(10, (16, 1))
    array.step(x, y)
    start = once.theta.clone()
    gradients = []
    for cut in (slice(0, 8), slice(8, 16)):
        gradient = torch.empty_like(start)
        once.whole.differentiate(start, once.buffers, x[cut], y[cut], 0, gradient)
        gradients.append(gradient)
    torch.testing.assert_close(array.buffers, once.buffers, rtol=1e-12, atol=1e-14)
    # The momentum's first step is lr times the mean of both gradients.
    step = (start - array.theta) / 0.05
    torch.testing.assert_close(step, (gradients[0] + gradients[1]) / 2, rtol=1e-9, atol=1e-12)


def test_a_single_image_left_over_joins_the_part_before_it():
    model = {"name": "mlp", "hidden": [5], "norm": "batch"}
    array = Array(build(own := config(8, 2, model)), [own], [1])
    assert [cut.stop - cut.start for cut in array._cuts(17)] == [8, 9]
    assert [cut.stop - cut.start for cut in array._cuts(5)] == [5]


def test_statistics_of_the_population_are_of_the_same_batches():
    """A forward pass of all images of a step at once would have other ones."""
    model = {"name": "mlp", "hidden": [5], "norm": "batch", "norm_statistics": "population"}
    array = Array(build(own := config(8, 2, model)), [own], [1])
    once = Array(array.net, [config(8, 1, model)], [1])
    x = torch.randn(16, 1, *array.net.shape, dtype=torch.float64)
    for each in (array, once):
        each.net.reset_population(each.buffers)
    array.add_to_population(x)
    for part in x.split(8):
        once.add_to_population(part)
    assert torch.equal(array.buffers, once.buffers)


def test_a_row_of_nan_leaves_the_others_their_bits():
    rows = [
        packing.config(precision="float32", accumulate=2, batch_size=2, optimizer=o) for o in ("adam", "sgd")
    ]
    clean, broken = packing.make(rows, [1, 2]), packing.make(rows, [1, 2])
    broken.theta[0] = float("nan")
    for array in (clean, broken):
        packing.train(array, 3)
    assert torch.equal(clean.theta[1], broken.theta[1])
    assert broken.theta[0].isnan().all()


def test_it_belongs_to_the_shape_and_takes_no_memory_for_activations():
    one, four = config(64, 1, "lenet5"), config(64, 4, "lenet5")
    assert not is_row(one, "train.accumulate")
    assert shape_key(one) != shape_key(four)
    assert inspect(one).bytes_per_row == inspect(four).bytes_per_row
    memory = [gpu_bytes_per_row(each, inspect(each)) for each in (one, four, config(256, 1, "lenet5"))]
    assert memory[0] <= memory[1] < memory[2]


@pytest.mark.parametrize("value", [0, -1, 1.5, "two", True, 5000])
def test_a_wrong_number_of_batches_is_refused(value):
    with pytest.raises(ConfigError) as caught:
        packing.config(accumulate=value)
    assert caught.value.path == "train.accumulate"
    assert caught.value.message == f"must be an integer from 1 to 4096, got {value!r}"


def test_all_images_are_one_step_already():
    with pytest.raises(ConfigError) as caught:
        packing.config(accumulate=2, batch_size="full")
    assert str(caught.value) == (
        "train.accumulate: must be 1 with batch_size: full, which is all images in one step already; got 2"
    )
