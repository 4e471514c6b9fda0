"""A row's float32 bits are its own: random mixes of every entry that rows may differ in."""

import random
from functools import partial

import packing
import pytest
import torch

from cnnlab import registry
from cnnlab.engine import row_by_row
from cnnlab.hyper import Choice, EntryOf, declared

WHOLE = ("adagrad-full", "lbfgs", "newton")  # these need all images in a batch, and no dropout
RULES = [name for name in registry.names("optimizers") if name not in WHOLE]
RATES = ("model.input_dropout", "model.dropout")
MIXES = {
    "cifar-resnet": 3,
    "lenet5": 24,
    "lenet5-1998": 6,
    "maxout": 40,
    "maxout-conv": 24,
    "mlp": 60,
    "tdnn": 40,
}
METRICS = [name for name in registry.names("metrics") if name != "mae"]
STEPS = 2
UNLIKE = {"smoothing": 0.1, "class_weights": [0.5] * 9 + [3]}


def shape_of(random, model):
    """Choose what all rows share."""
    shape = {}
    for name, hyper in declared(registry.get("models", model)).items():
        if isinstance(hyper, Choice):
            shape[name] = random.choice(hyper.options)
        elif isinstance(hyper, EntryOf):
            shape[name] = random.choice(registry.names(hyper.kind))
    return shape


def of_a_length(name):
    """A schedule with the number of epochs that a warm-up in steps asks for, where it has one."""
    return {"name": name, "over": 4} if "over" in declared(registry.get("schedules", name)) else name


def row_of(random, model, shape, rules=RULES, rates=(0.0, 0.0, 0.3), **train):
    """Choose what a row may have of its own."""
    full = "batch_size" in train
    for name in registry.names("regularizers"):
        if random.random() < 0.25 and not train:
            train[name] = random.choice((1e-3, 1e-2))
    return packing.config(
        model,
        "float32",
        {**shape, "dropout": random.choice(rates), "input_dropout": random.choice(rates)},
        optimizer=random.choice([*rules, {"name": "sgd", "momentum": 0.9}]),
        loss=random.choice([*registry.names("losses"), {"name": "softmax", **UNLIKE}]),
        schedule=of_a_length(random.choice(registry.names("schedules"))),
        initial_scale=random.choice((1.0, 0.5)),
        ema=random.choice((0.0, 0.0, 0.9)),
        clip_norm=random.choice(("none", 0.1)) if not full else "none",
        clip_value=random.choice(("none", 0.01)) if not full else "none",
        warmup=random.choice((0, 0, {"steps": 3})),
        **train,
    )


def outcome(configs, seeds, row, same=False):
    """Train, and return everything that belongs to one row; −0 is 0, NaN is NaN."""
    array = packing.make(configs, seeds, METRICS, RATES)
    losses = packing.train(array, STEPS, same=same)[:, row]
    measured = array.evaluate(*packing.batch(array, 9))
    metrics = [
        array.metrics[name].value(totals.double(), packing.IMAGES)[row].flatten()
        for name, totals in measured.measured.items()
    ]
    own = array.slots[: array._slot_counts[row], row]
    parts = (
        array.theta[row],
        array.evaluated[row],
        array.buffers[row],
        own.flatten(),
        losses,
        measured.loss[row : row + 1],
    )
    return torch.cat([*parts, torch.cat(metrics).to(array.dtype)]).nan_to_num(nan=1e9)


def assert_bits_are_its_own(random, make_row, same=False):
    """Put one row among others, in one place and width, twice; once it may be among copies of itself."""
    width = random.choice((2, 3, 4, 5, 8, 10))
    place, own = random.randrange(width), make_row()
    found = []
    for alike in (random.random() < 0.4, False):
        configs = [own if alike or k == place else make_row() for k in range(width)]
        seeds = [7 if k == place else random.randrange(10**6) for k in range(width)]
        found.append(outcome(configs, seeds, place, same))
    assert torch.equal(*found), (width, place, own)


@pytest.mark.long
@pytest.mark.parametrize("model", packing.MODELS)
def test_among_any_rows(model, monkeypatch):
    for number in range(MIXES.get(model, 20)):
        choose = random.Random(f"{model} {number}")
        monkeypatch.setattr(packing, "IMAGES", choose.choice((6, 16, 32)))
        one_by_one = number % 4 == 3
        monkeypatch.setattr(row_by_row, "pays", lambda *_, way=one_by_one: way)
        shape = shape_of(choose, model)
        assert_bits_are_its_own(choose, partial(row_of, choose, model, shape))


@pytest.mark.long
def test_among_methods_that_need_all_images(monkeypatch):
    for number in range(6):
        one_by_one = number % 3 == 2
        monkeypatch.setattr(row_by_row, "pays", lambda *_, way=one_by_one: way)
        choose = random.Random(number)
        row = partial(row_of, choose, "mlp", {}, [*WHOLE, "sgd"], (0.0,), batch_size="full")
        assert_bits_are_its_own(choose, row, same=True)
