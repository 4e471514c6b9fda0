"""Which metrics a trial measures, and what is refused as one."""

import packing
import pytest
import torch

from cnnlab import registry, resolve
from cnnlab.data import Info
from cnnlab.engine.epoch_totals import EpochTotals
from cnnlab.engine.row_block import Result
from cnnlab.errors import CnnlabError, ConfigError, RegistryError
from cnnlab.fit import Fit, Row
from cnnlab.metric import Metric, chosen, find, measure, misfit

ROWS, CLASSES = 4, 7

torch.set_num_threads(1)


def entry(name):
    return registry.get("metrics", name)(CLASSES)


def batch():
    """Return scores (N, K, classes) and targets (N, K)."""
    generator = torch.Generator().manual_seed(1)
    scores = torch.randn(31, ROWS, CLASSES, generator=generator)
    return scores, torch.randint(CLASSES, (31, ROWS), generator=generator)


def mean_recall(scores, target):
    right = scores.argmax(1) == target
    return sum(right[target == c].double().mean().item() for c in target.unique()) / len(target.unique())


# ---- which a trial measures


def section(data="fashion-mnist-mini", **train):
    train = {"batch_size": 500, "epochs": 2, **train}
    return resolve({"model": {"name": "mlp", "hidden": [8]}, "data": data, "train": train})


def info(classes=10, task="classification"):
    return Info(shape=(1, 2, 2), classes=classes, train=10, test=10, task=task)


def test_a_config_without_metrics_is_what_it_was():
    assert "metrics" not in section()["train"]
    assert section(metrics=[]) == section()
    assert list(chosen(section(), info())) == ["acc"]
    assert list(chosen(section(), info(1, "regression"))) == ["mae"]


def test_metrics_are_measured_on_every_part_and_change_no_other_number():
    plain = Fit([Row(section(test="each-epoch"), 1), Row(section(test="each-epoch"), 2)])
    wanted = section(test="each-epoch", metrics=["top5-acc", "balanced-acc"])
    more = Fit([Row(wanted, 1), Row(wanted, 2)])
    for _ in range(2):
        for one, other in zip(plain.run_epoch(), more.run_epoch(), strict=True):
            assert {name: other.metrics[name] for name in one.metrics} == one.metrics
            parts = ("train", "val", "test")
            names = {f"{part}/{name}" for part in parts for name in ("top5-acc", "balanced-acc")}
            assert other.metrics.keys() - one.metrics.keys() == names
            assert all(other.metrics["val/acc"] < other.metrics["val/top5-acc"] <= 1 for _ in parts)
    assert {name.partition("/")[2] for name in more.test_best()[0]} == {
        "loss", "acc", "top5-acc", "balanced-acc"
    }  # fmt: skip
    assert more.test_best()[1]["test/acc"] == plain.test_best()[1]["test/acc"]


def test_an_objective_is_measured_and_decides_which_epoch_is_best():
    one = Fit([Row(section(test="best"), 1)], objective=("val/balanced-acc", "maximize"))
    curve = [one.run_epoch()[0].metrics["val/balanced-acc"] for _ in range(2)]
    epoch, best, _ = one.best()[0]
    assert (epoch, best) == (1 + curve.index(max(curve)), max(curve))
    assert 0.3 < one.test_best()[0]["test/balanced-acc"] < 1
    held = one.data.validation
    scores = one.array.predict(held.batch(slice(None), 1)[0])
    assert curve[-1] == pytest.approx(mean_recall(scores[:, 0], held.y), rel=1e-12)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("top5-acc", info(5), "top5-acc needs at least 6 classes, but these data have 5"),
        ("top5-acc", info(6), ""),
        ("mae", info(), "mae needs numbers as targets, but the targets of these data are classes"),
        (
            "acc",
            info(1, "regression"),
            "acc needs classes as targets, but the targets of these data are numb",
        ),
        ("mae", info(1, "regression"), ""),
        ("balanced-acc", info(1), ""),
        ("top10-acc", info(10), "top10-acc needs at least 11 classes, but these data have 10"),
        ("recall", info(101), "recall needs at most 100 classes, but these data have 101"),
        ("recall", info(100), ""),
    ],
)
def test_a_metric_that_does_not_fit_the_data_is_refused(name, data, words):
    assert misfit(name, data.task, data.classes).startswith(words)
    if not words:
        assert isinstance(find(name, data, "p"), Metric)
        return
    config = section()
    config["train"]["metrics"] = ["acc", name] if name != "acc" else ["mae", "acc"]
    with pytest.raises(ConfigError, match=words) as caught:
        chosen(config, data)
    assert caught.value.path == "train.metrics.1"


@pytest.mark.parametrize(
    ("given", "path", "words"),
    [
        ("top5-acc", "train.metrics", "must be a list of metrics such as [balanced-acc], got 'top5-acc'"),
        (["acc", "top-acc"], "train.metrics.1", "Did you mean 'top5-acc'"),
        (["loss"], "train.metrics.0", "loss is always measured; leave it out"),
        (["top5-acc", "acc", "top5-acc"], "train.metrics.2", "top5-acc is in the list twice"),
        ([5], "train.metrics.0", "must be one of acc, balanced-acc, calibration-error, macro-f1, mae"),
        ([{"name": "acc"}], "train.metrics.0", "must be one of acc"),
        (None, "train.metrics", "must be a list"),
    ],
)
def test_wrong_metrics_are_refused_where_they_are_wrong(given, path, words):
    with pytest.raises(ConfigError) as caught:
        section(metrics=given)
    assert caught.value.path == path
    assert words in caught.value.message


def test_recall_of_each_class_and_calibration_are_measured_but_rank_nothing():
    one = Fit([Row(section(metrics=["recall", "calibration-error"], test="best"), 1)])
    for _ in range(2):
        found = one.run_epoch()[0].metrics
        recalls = [found[f"val/recall-{c}"] for c in range(10)]
        assert 0 < found["val/calibration-error"] < 1
        assert "val/recall" not in found
        assert sum(recalls) / 10 == pytest.approx(found["val/acc"])  # the part has as many of every class
    assert {f"test/recall-{c}" for c in range(10)} < one.test_best()[0].keys()
    with pytest.raises(ConfigError, match="calibration-error cannot rank trials: a net that gives every"):
        Fit([Row(section(), 1)], objective=("val/calibration-error", "minimize"))


def test_rows_of_one_array_are_measured_alike():
    rows = [Row(section(), 1), Row(section(metrics=["top5-acc"]), 2)]
    with pytest.raises(CnnlabError, match="one shape key"):
        Fit(rows)


# ---- what is no metric


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ({"goal": "max"}, "goal of Tried must be maximize or minimize, got 'max'"),
        ({"tasks": "classification"}, "tasks of Tried must be a frozenset of classification, regression or"),
        ({"tasks": frozenset({"ranking"})}, "tasks of Tried must be"),
        ({"min_classes": "6"}, "min_classes of Tried must be an integer, got '6'"),
        ({"label": ""}, "label of Tried must be a text, got ''"),
        ({"error": "Top 5"}, "error of Tried must be small letters, digits and _"),
        ({"__module__": "cnnlab_plugins.metrics.loss"}, "cannot be called loss: the loss is always measured"),
        ({"max_classes": "6"}, "max_classes of Tried must be an integer or None, got '6'"),
        ({"each_class": 1}, "each_class of Tried must be True or False, got 1"),
        ({"unranked": None}, "unranked of Tried must be a text, got None"),
        ({"k": registry.get("losses", "svm").margin}, "Tried cannot have hyperparameters, got k"),
    ],
)
def test_a_wrong_declaration_is_refused_when_the_file_is_read(declared, words):
    with pytest.raises(RegistryError, match=words):
        type("Tried", (Metric,), declared)


@pytest.mark.parametrize(
    ("method", "given", "words"),
    [
        ("totals", lambda *_: torch.zeros(()), r"totals of the metric tried must be \(4, …\).*got \(\)"),
        ("totals", lambda *_: torch.zeros(7, 4), r"totals of the metric tried must be \(4, …\).*\(7, 4\)"),
        ("value", lambda *_: torch.zeros(4, 1), r"value of the metric tried must be \(4,\).*\(4, 1\)"),
        ("value", lambda *_: torch.zeros(1), r"value of the metric tried must be \(4,\).*\(1,\)"),
    ],
)
def test_a_metric_that_loses_the_rows_is_refused(method, given, words):
    metrics = {"tried": entry("acc")}
    setattr(metrics["tried"], method, given)
    measured = measure(metrics, *batch())
    totals = EpochTotals(ROWS, torch.device("cpu"), metrics)

    def take():
        totals.add(Result(torch.zeros(ROWS), measured), 31)
        totals.metrics("val", 31)

    with pytest.raises(CnnlabError, match=words):
        take()


def test_arrays_measure_nothing_unless_asked():
    array = packing.make([packing.config()] * 2)
    assert array.step(*packing.batch(array, 0)).measured == {}
