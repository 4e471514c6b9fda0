"""Turned images: the angle is the target, whatever they are made of."""

import math

import pytest
import torch

from cnnlab import resolve
from cnnlab.data import data_set
from cnnlab.datasets.rotated import turn
from cnnlab.engine.cost import inspect
from cnnlab.errors import CnnlabError, ConfigError
from cnnlab.fit import Fit, Row

PLAIN = {"name": "fashion-mnist-mini"}


def section(**given):
    return resolve({"model": "mlp", "data": {"name": "rotated", **given}, "train": {"loss": "huber"}})["data"]


def test_targets_are_angles_spread_evenly():
    images = data_set(section()).load(section())
    info = data_set(section()).info(section())
    assert (info.task, info.classes, info.shape, info.train) == ("regression", 1, (1, 28, 28), 6000)
    for y in (images.train_y, images.test_y):
        share = y.double() / math.radians(45)
        assert share.abs().max() <= 1
        assert float(share.mean()) == pytest.approx(0, abs=4 / (3 * len(y)) ** 0.5)
        assert float(share.square().mean()) == pytest.approx(1 / 3, abs=0.03)
    assert not torch.equal(images.train_y[:1000], images.test_y)


def test_the_widest_angle_may_be_chosen():
    wide = data_set(section()).load(section(degrees=180))
    assert 3 < wide.train_y.abs().max() <= math.pi


def test_a_quarter_turn_is_exact_and_counter_clockwise():
    x = torch.randint(256, (3, 2, 9, 9), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    for quarters, angle in ((1, math.pi / 2), (-1, -math.pi / 2), (2, math.pi), (0, 0.0)):
        turned = turn(x, torch.full((3,), angle, dtype=torch.float64))
        assert torch.equal(turned, x.rot90(quarters, (2, 3)))


def test_an_image_that_is_not_square_keeps_its_shapes():
    """A disc stays a disc: pixels are as high as they are wide."""
    y, x = torch.meshgrid(torch.arange(20) - 9.5, torch.arange(30) - 14.5, indexing="ij")
    disc = ((y * y + x * x) < 49).to(torch.uint8)[None, None] * 255
    turned = turn(disc, torch.tensor([0.7], dtype=torch.float64))
    assert (turned.int() - disc.int()).abs().float().mean() < 8  # bilinear edges
    lost = int(disc.sum()) / int(turned.sum())
    assert lost == pytest.approx(1, abs=0.02)


def test_each_image_is_turned_by_its_own_target():
    images = data_set(section()).load(section())
    plain = data_set(PLAIN).load(PLAIN)
    index = torch.tensor([0, 999, 1000, 5999])
    angles = images.train_y[index].double()
    close = (turn(plain.train_x[index], angles).int() - images.train_x[index].int()).abs()
    assert close.max() <= 1  # the target is kept in float32


def test_what_it_is_made_of_is_loaded_once_and_made_once():
    first = data_set(section()).load(section())
    assert data_set(section()).load(section()) is first


def test_what_cannot_be_turned_is_refused():
    with pytest.raises(ConfigError, match=r"data\.of: must have classes as targets, got rotated"):
        data_set(section()).info(section(of={"name": "rotated"}))
    with pytest.raises(ConfigError, match="must have images of at least 8×8, got 1×"):
        data_set(section()).info(section(of={"name": "waveforms"}))


def config(loss="huber", noise=0.0, **more):
    model = {"name": "mlp", "hidden": [32]}
    data = {"name": "rotated", "label_noise": noise}
    train = {"loss": loss, "optimizer": {"name": "adam", "lr": 0.002}, "epochs": 3, "batch_size": 100, **more}
    return resolve({"model": model, "data": data, "train": train})


def test_a_net_learns_the_angle_and_is_measured_by_its_error():
    fit = Fit([Row(config(loss), seed=1) for loss in ("square", "l1", "huber")])
    for _ in range(3):
        reports = fit.run_epoch()
    guess = math.radians(45) / 2  # the error of always saying 0
    for report in reports:
        assert set(report.metrics) == {"train/loss", "train/mae", "lr", "val/loss", "val/mae"}
        assert report.metrics["val/mae"] < 0.6 * guess
    epoch, value, _ = fit.best()[0]
    assert value == pytest.approx(min(value, reports[0].metrics["val/mae"]))
    assert epoch >= 1
    by_hand = fit.array.predict(fit.data.test.batch(slice(0, 1000), 3)[0])[:, 0, 0]
    error = (by_hand - fit.data.test.y).abs().double().mean()
    if epoch == 3:
        assert fit.test_best()[0]["test/mae"] == pytest.approx(float(error), rel=1e-5)


def test_outliers_harm_the_square_most():
    """A third of the training targets is far off; validation images are told as they are."""
    rows = [Row(config(loss, 0.3), seed=seed) for loss in ("square", "l1", "huber") for seed in range(3)]
    fit = Fit(rows)
    for _ in range(4):
        reports = fit.run_epoch()
    square, l1, huber = (sum(r.metrics["val/mae"] for r in reports[3 * i : 3 * i + 3]) / 3 for i in range(3))
    assert l1 < square
    assert huber < square


def test_losses_of_classes_are_refused_and_so_is_accuracy():
    with pytest.raises(
        ConfigError, match=r"train\.loss: must be one of huber, l1, square where targets are num"
    ):
        Fit([Row(config("softmax"), seed=0)])
    with pytest.raises(ConfigError, match="acc needs classes as targets"):
        Fit([Row(config(), seed=0)], objective=("val/acc", "maximize"))
    assert inspect(config()).task == "regression"


def test_numbers_have_no_confusion_matrix():
    with pytest.raises(CnnlabError, match="a confusion matrix needs classes as targets, got numbers"):
        Fit([Row(config(), seed=0)]).confusion()
