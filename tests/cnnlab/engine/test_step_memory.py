"""The memory of a step, counted without numbers, beside what torch's profiler measures on a CPU."""

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from cnnlab import resolve
from cnnlab.batching.on_device import CHUNK_IMAGES
from cnnlab.engine import step_memory
from cnnlab.engine.array import Array
from cnnlab.engine.cost import inspect
from cnnlab.engine.step_memory import MemoryCount, evaluation_bytes, gpu_bytes_per_row, step_bytes
from cnnlab.kernels import library

LENET = {"name": "lenet5", "norm": "batch", "dropout": 0.3}


def config(model, **train):
    return resolve({"model": model, "data": "mnist", "train": {"batch_size": 8, **train}})


def arrays(own, device, rows=2):
    return Array(inspect(own).net, [own] * rows, list(range(rows)), device, one_by_one=False)


def measured(own):
    """The peak of a step's memory on a CPU, by torch's operations alone."""
    array = arrays(own, "cpu")
    x = torch.zeros(8, 1, *array.net.shape).expand(-1, 2, -1, -1, -1)
    y = torch.zeros(8, 1, dtype=torch.int64).expand(-1, 2)
    with library.torch_alone():
        array.step(x, y)  # what lasts is made in the first
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
            array.step(x, y)
    now = peak = 0
    for event in seen.profiler.kineto_results.events():
        if event.name() == "[memory]":
            now += event.nbytes()
            peak = max(peak, now)
    return peak


@pytest.mark.parametrize("model", [LENET, {"name": "mlp", "hidden": [64]}], ids=str)
def test_a_count_covers_what_is_measured_and_is_at_most_twice_as_much(model):
    own = config(model)
    peak, count = measured(own), step_bytes(arrays(own, "meta"), 8, own_batches=False)
    assert peak <= count <= 2.1 * peak


def test_tensors_count_as_long_as_they_live_and_views_do_not():
    with MemoryCount() as count:
        first = torch.zeros(100, device="meta")
        view = first.view(10, 10)
        second = torch.zeros(50, device="meta")
        assert (count.now, count.peak) == (600, 600)
        del first
        assert count.now == 600
        del view
        assert count.now == 200
        second = second + 1
    assert (count.now, count.peak) == (200, 600)


def test_a_row_has_what_it_keeps_and_its_share_of_the_step():
    own = config("lenet5", optimizer="adam", batch_size=256)
    facts = inspect(own)
    step = step_bytes(arrays(own, "meta"), 256, own_batches=False)
    assert gpu_bytes_per_row(own, facts) == step // 2 + 4 * 7 * facts.parameters
    more = config("lenet5", optimizer="adam", batch_size=257)
    assert gpu_bytes_per_row(more, inspect(more)) > gpu_bytes_per_row(own, facts)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_where_batches_are_small_a_row_has_its_share_of_an_evaluation(precision):
    """It has more images at once than a step, and keeps nothing for a backward pass."""
    own = config("lenet5", precision=precision)
    facts, array = inspect(own), arrays(config("lenet5"), "meta")
    evaluation = evaluation_bytes(array, CHUNK_IMAGES) // 2
    assert evaluation > 4 * step_bytes(array, 8, own_batches=False) // 2
    if precision == "bfloat16":
        evaluation = evaluation // 2 + 10 * facts.parameters
    assert gpu_bytes_per_row(own, facts) == evaluation + 4 * 5 * facts.parameters


def test_rows_with_batches_of_their_own_have_images_of_their_own():
    own = config("lenet5")
    shared, apart = (step_bytes(arrays(own, "meta"), 8, each) for each in (False, True))
    assert apart - shared >= 4 * 8 * 28 * 28


def test_bfloat16_is_half_of_float32_and_copies_of_the_parameters():
    plain, half = config("lenet5", batch_size=256), config("lenet5", batch_size=256, precision="bfloat16")
    facts = inspect(plain)
    kept = 4 * 5 * facts.parameters  # with momentum's slot
    step = gpu_bytes_per_row(plain, facts) - kept
    assert gpu_bytes_per_row(half, inspect(half)) == kept + step // 2 + 10 * facts.parameters


@pytest.mark.parametrize(
    "own",
    [
        config("mlp", batch_size="full"),
        config({"name": "mlp", "hidden": [4]}, optimizer="newton", batch_size="full"),
        config({"name": "mlp", "hidden": [4]}, optimizer="adagrad-full"),
    ],
    ids=["full", "newton", "matrix"],
)
def test_what_is_not_counted_has_the_bytes_of_the_cost(own):
    assert gpu_bytes_per_row(own, inspect(own)) == inspect(own).bytes_per_row


def test_a_large_net_is_not_counted(monkeypatch):
    own = config("lenet5")
    monkeypatch.setattr(step_memory, "MAX_COUNTED_PARAMETERS", 61_705)
    assert gpu_bytes_per_row(own, inspect(own)) == inspect(own).bytes_per_row
