"""A plain loop does what one does that is written by hand with torch.nn and torch.optim."""

import copy
import sys
from collections import Counter

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks import step as by_hand
from cnnlab import registry, resolve
from cnnlab.batching.on_device import Part
from cnnlab.engine.array import Array
from cnnlab.engine.net import build
from cnnlab.fit import Row
from cnnlab.plain_loop import PlainLoop
from cnnlab.precision import PRECISIONS

pytestmark = pytest.mark.compiled
NETS = {
    "lenet5": ("lenet5", "fashion-mnist-mini"),
    "mlp": ({"name": "mlp", "hidden": [128, 64]}, "fashion-mnist-mini"),
    "tutorial-cnn": (
        {"name": "cnn", "filters": [32, 64], "kernel": 3, "hidden": [128]},
        "fashion-mnist-mini",
    ),
    "resnet-20": ({"name": "cifar-resnet", "depth": 20}, "cifar10"),
}
# The shortcut of a residual block can be written in more than one way.
SHORTCUT = {"aten.slice.Tensor", "aten.slice_backward.default", "aten.constant_pad_nd.default"}


class Operations(TorchDispatchMode):
    """Counts torch's operations by name."""

    def __init__(self):
        super().__init__()
        self.found = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.found[str(function)] += 1
        return function(*args, **kwargs or {})


def part(row, images=20):
    """Return made-up images and classes, in the type of the row's numbers."""
    (channels, *side), classes = (own := build(row.config)).shape, 10
    classes = own.chain.output(own.shape)[0]
    generator = torch.Generator().manual_seed(1)
    stored = torch.randint(256, (images, *side, channels), dtype=torch.uint8, generator=generator)
    y = torch.randint(classes, (images,), generator=generator)
    dtype = PRECISIONS[row.config["train"]["precision"]].rows
    if classes == 1:
        y = y.to(dtype) + 0.5
    return Part(stored, y, torch.full((channels,), 1 / 255, dtype=dtype), torch.zeros(channels, dtype=dtype))


def loop(model="mlp", data="fashion-mnist-mini", **train):
    """Return a plain loop of eight images."""
    row = Row(resolve({"model": model, "data": data, "train": {"batch_size": 8, **train}}), seed=3)
    return PlainLoop(row, build(row.config), part(row))


@pytest.mark.parametrize("name", NETS)
def test_a_step_has_the_operations_of_one_that_is_written_by_hand(name):
    model, data = NETS[name]
    measured = loop(model, data, l2=1e-4)
    found = []
    for step in (by_hand.loop(name, tuned=False, batch=8), measured.step):
        step()  # the first step of torch.optim makes the momentum
        with Operations() as counted:
            step()
        found.append(counted.found)
    written, ours = found
    differing = {operation for operation in written | ours if written[operation] != ours[operation]}
    assert differing <= (SHORTCUT if name == "resnet-20" else set()), (written - ours, ours - written)


@pytest.mark.parametrize("l2", [0, 1e-2])
def test_steps_are_those_of_torch_optim(l2):
    ours = loop("lenet5", l2=l2, precision="float64")
    ours.lr = 0.05
    copied = copy.deepcopy(ours.model)
    optimizer = torch.optim.SGD(copied.parameters(), 0.05, 0.9, weight_decay=l2)
    x, y = ours._x[ours._order], ours._y[ours._order]
    for _ in range(4):
        ours.step()
        optimizer.zero_grad()
        nn.functional.cross_entropy(copied(x), y).backward()
        optimizer.step()
    for mine, theirs in zip(ours.model.parameters(), copied.parameters(), strict=True):
        assert mine.equal(theirs)


@pytest.mark.parametrize("name", registry.names("losses"))
def test_the_loss_is_that_of_the_row(name):
    tasks = registry.get("losses", name).tasks
    data = "fashion-mnist-mini" if "classification" in tasks else "rotated"
    check_loss(data, {"name": name})


def test_the_loss_has_its_smoothing():
    smooth = check_loss("fashion-mnist-mini", {"name": "softmax", "smoothing": 0.3})
    assert abs(smooth - check_loss("fashion-mnist-mini", {"name": "softmax"})) > 1e-3


def test_the_loss_of_a_number():
    check_loss("rotated", {"name": "square"})


def check_loss(data, choice):
    """Compare with the array's, and return the loss."""
    ours = loop({"name": "mlp", "hidden": [6]}, data, loss=choice, precision="float64")
    config = resolve(
        {
            "model": {"name": "mlp", "hidden": [6]},
            "data": data,
            "train": {"loss": choice, "precision": "float64"},
        }
    )
    array = Array(build(config), [config], [3])
    x, y = ours._x[:, None], ours._y[:, None]
    total = array.whole.total(array.theta, array.buffers, x, y, 0).item()
    assert ours.loss().item() == pytest.approx(total, rel=1e-9)
    return total


def test_nothing_moves_while_it_is_timed():
    """Numbers that are not finite, or subnormal, take another time."""
    ours = loop("lenet5", l2=0.1)
    before = [own.clone() for own in ours.model.parameters()]
    for _ in range(3):
        ours.step()
    assert all(own.equal(was) for own, was in zip(ours.model.parameters(), before, strict=True))


def test_images_lie_as_in_a_tutorial():
    ours = loop("lenet5")
    assert ours.size == 8
    assert ours._x.shape == (8, 1, 28, 28)
    assert ours._x.is_contiguous()
    assert ours._y.shape == (8,)
    assert loop("lenet5", batch_size="full", optimizer="sgd").size == 20


@pytest.mark.parametrize(("precision", "dtype"), [("float64", torch.float64), ("bfloat16", torch.bfloat16)])
def test_it_has_the_precision_of_the_trial(precision, dtype):
    ours, seen = loop(precision=precision), []
    ours.model.register_forward_hook(lambda *given: seen.append(given[2].dtype))
    ours.step()
    assert seen == [dtype]


def test_a_parameter_that_no_score_depends_on_is_left_alone():
    ours = loop()
    unused = nn.Parameter(torch.ones(3))
    ours._parameters.append(unused)
    ours._moving.append(torch.zeros(3))
    ours.step()
    assert unused.equal(torch.ones(3))


def test_no_compiler_of_graphs_is_imported(monkeypatch):
    """To import it takes longer than to measure."""
    monkeypatch.setitem(sys.modules, "torch._dynamo", None)
    loop().step()
