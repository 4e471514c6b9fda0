"""Choices that do not go together: each refusal names its place, and what is right passes."""

import pytest
import torch

from cnnlab import registry, resolve
from cnnlab.engine import conflicts
from cnnlab.engine.cost import inspect, point
from cnnlab.engine.net import Net
from cnnlab.errors import ConfigError
from cnnlab.fit import Fit, Row

WHOLE = [n for n in registry.names("optimizers") if registry.get("optimizers", n).full_batch]


def config(optimizer="lbfgs", model=(), data=(), **train):
    """A small softmax regression on 4×4 images, all of them at once: 170 parameters."""
    return resolve(
        {
            "model": {"name": "mlp", "hidden": [], **dict(model)},
            "data": {"name": "fashion-mnist-mini", "resize": 4, **dict(data)},
            "train": {"optimizer": optimizer, "batch_size": "full", **train},
        }
    )


def refused(given):
    """Return path and message: the same from the check of a point and from training."""
    with pytest.raises(ConfigError) as at_submit:
        point(given, inspect(given))
    with pytest.raises(ConfigError) as in_training:
        Fit([Row(given, seed=1)])
    assert str(at_submit.value) == str(in_training.value)
    return at_submit.value.path, at_submit.value.message


@pytest.mark.parametrize("name", WHOLE)
def test_mini_batches(name):
    path, words = refused(config(name, batch_size=128))
    assert path == "train.batch_size"
    assert words == f"must be full with {name}, which needs the same objective at every evaluation; got 128"


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("where", ["dropout", "input_dropout"])
def test_dropout(name, where):
    path, words = refused(config(name, model={where: 0.5, "hidden": [4]}))
    assert path == f"model.{where}"
    assert words.startswith(f"must be 0 with {name}")
    assert words.endswith("got 0.5")


@pytest.mark.parametrize("name", WHOLE)
def test_batch_normalization(name):
    path, words = refused(config(name, model={"hidden": [4], "norm": "batch"}))
    assert (path, words.split(",")[0]) == (
        "train.optimizer",
        f"{name} cannot train a net with batch normalization",
    )


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("change", registry.names("augmentations"))
def test_augmentation(name, change):
    path, words = refused(config(name, data={change: 1}))
    assert path == f"data.{change}"
    grey = registry.get("augmentations", change).channels == 3
    assert words.startswith("must be 0 where images have no 3 channels" if grey else f"must be 0 with {name}")


def test_a_change_of_colours_needs_colours():
    path, words = refused(config("sgd", data={"saturation": 0.4}))
    assert (path, words) == (
        "data.saturation",
        "must be 0 where images have no 3 channels; these have 1, got 0.4",
    )


def test_an_image_has_at_most_two_targets():
    path, words = refused(config("sgd", data={"mixup": 0.2, "cutmix": 1}))
    assert (path, words) == (
        "data.mixup",
        "must be 0 where data.cutmix is on, because an image has at most two targets; got 0.2",
    )


@pytest.mark.parametrize("change", ["mixup", "cutmix", "flip"])
def test_targets_that_are_numbers_are_not_mixed(change):
    given = resolve(
        {"model": {"name": "mlp", "hidden": []}, "data": {"name": "rotated", change: 0.5}, "train": {}}
    )
    path, words = refused(given)
    assert path == f"data.{change}"
    assert words == "must be 0 where targets are numbers: it would make them wrong"


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("penalty", ["weight-decay", "l1-proximal", "max-norm"])
def test_what_acts_beside_the_objective(name, penalty):
    path, words = refused(config(name, **{penalty: 0.1}))
    assert path == f"train.{penalty}"
    assert words.endswith("penalties in the objective are l1 and l2")
    Fit([Row(config(name, l1=1e-3, l2=1e-3), seed=1)])


@pytest.mark.parametrize(("name", "most"), [("newton", "2,000"), ("adagrad-full", "1,000")])
def test_a_matrix_of_too_many_parameters(name, most):
    path, words = refused(config(name, model={"hidden": [128]}))
    assert path == "train.optimizer"
    assert words == (
        f"{name} keeps a matrix of parameters × parameters, so the net may have at most {most}; got "
        "3,466, a matrix of 0.1 GiB a trial"
    )


@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
@pytest.mark.parametrize("name", [*WHOLE, "adagrad-full"])
def test_coarse_products(name, precision):
    path, words = refused(config(name, precision=precision))
    assert path == "train.precision"
    assert words == (
        f"must be float32 or float64 with {name}, whose steps need more digits than {precision} has"
    )


@pytest.mark.parametrize("loss", ["softmax", "svm", "maximum-a-posteriori"])
def test_losses_of_classes_with_numbers_for_targets(loss):
    given = config("sgd", loss=loss, data={"name": "rotated", "resize": 0})
    path, words = refused(given)
    assert path == "train.loss"
    assert words == f"must be one of huber, l1, square where targets are numbers, got {loss}"


@pytest.mark.parametrize("name", [*WHOLE, "adagrad-full"])
def test_what_is_right_trains(name):
    """Through the loop, in epochs: the loss falls, and every row has a search of its own."""
    rows = [Row(config(name, epochs=3, l2=0.01, initial_scale=s), seed=k) for k, s in enumerate((0.5, 2.0))]
    fit = Fit(rows)
    losses = [[report.metrics["train/loss"] for report in fit.run_epoch()] for _ in range(3)]
    assert all(late < early for early, late in zip(losses[0], losses[-1], strict=True))


def test_room_for_slots_is_counted():
    """L-BFGS keeps two vectors a pair, full-matrix AdaGrad one a parameter."""
    plain = inspect(config("sgd"))
    pairs = inspect(config({"name": "lbfgs", "pairs": 7}))
    matrix = inspect(config("adagrad-full"))
    assert (plain.slots, pairs.slots, matrix.slots) == (0, 14, 170)
    assert (
        matrix.bytes_per_row - plain.bytes_per_row == 4 * (1 + 5) * 170 * 170
    )  # the matrix, and what its root takes


@pytest.mark.parametrize("name", WHOLE)
def test_a_resumed_trial_goes_on_bit_for_bit(name):
    """In float32, through the loop; what was found at the last point is looked at again."""
    rows = [Row(config(name, epochs=4), seed=k, replicate=k) for k in range(3)]
    straight = Fit(rows)
    for _ in range(2):
        straight.run_epoch()
    state = straight.state()
    resumed = Fit([rows[0], None, rows[2]])
    for k in (0, 2):
        resumed.load_row(k, {n: tensor[k] for n, tensor in state.items()}, epoch=2)
    for _ in range(2):
        straight.run_epoch()
        resumed.run_epoch()
    for k in (0, 2):
        assert torch.equal(straight.array.theta[k], resumed.array.theta[k])


def test_images_that_all_rows_see_are_counted_once_and_own_ones_for_each():
    """4×4 images as numbers, where a batch is all 6,000; beside a mini-batch they are not worth it."""
    numbers = 4 * 6000 * 16
    assert inspect(config("sgd")).bytes_shared == numbers
    assert inspect(config("sgd", batch_size=100)).bytes_shared == 0
    own = inspect(config("sgd", data={"stream": "trial"}))
    assert own.bytes_shared == 0
    assert own.bytes_per_row - inspect(config("sgd")).bytes_per_row == numbers


@pytest.mark.parametrize("where", ["model.dropout", "model.auxiliary_dropout"])
def test_dropout_inside_of_blocks_and_heads(where):
    """GoogLeNet drops before its last layer and in its heads, which are part of what is minimized."""
    given = {"dropout": 0, "auxiliary_dropout": 0, where.removeprefix("model."): 0.5}
    model = registry.resolve("models", {"name": "googlenet", "auxiliary": "yes", **given}, "model")
    net = Net(registry.get("models", "googlenet")().layers(model, (3, 224, 224), 10), (3, 224, 224))
    with pytest.raises(ConfigError) as caught:
        conflicts.check(config("lbfgs") | {"model": model}, net, "classification")
    assert caught.value.path == where


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("bound", ["clip_norm", "clip_value"])
def test_a_bound_of_the_gradient(name, bound):
    path, words = refused(config(name, **{bound: 2}))
    assert path == f"train.{bound}"
    assert words == f"must be none with {name}, whose steps need the gradient as it is; got 2"


def test_numbers_of_an_optimizer_that_do_not_go_together():
    path, words = refused(config({"name": "sgd", "nesterov": True}))
    assert (path, words) == ("train.optimizer.nesterov", "must be no where momentum is 0, got yes")
