"""Conformance of every metric, and the exact values of each against plain loops."""

import math

import packing
import pytest
import torch

from cnnlab import registry, resolve
from cnnlab.data import Info
from cnnlab.engine.epoch_totals import EpochTotals
from cnnlab.engine.row_block import Result
from cnnlab.errors import CnnlabError, ConfigError, RegistryError
from cnnlab.fit import Fit, Row
from cnnlab.metric import DEFAULTS, Metric, add, chosen, count_by_class, find, measure, misfit

NAMES = registry.names("metrics")
CPU = torch.device("cpu")
ROWS, CLASSES = 4, 7
CUTS = (slice(0, 9), slice(9, 10), slice(10, 31))  # batches of unequal size

torch.set_num_threads(1)


def entry(name):
    return registry.get("metrics", name)()


def task_of(name):
    return "regression" if entry(name).tasks == {"regression"} else "classification"


def batch(name, dtype=torch.float32, images=31, rows=ROWS, classes=CLASSES, seed=1):
    """Return scores (N, K, classes), of coarse numbers so that some are equal, and targets (N, K)."""
    generator = torch.Generator().manual_seed(seed)
    outputs = 1 if task_of(name) == "regression" else classes
    scores = torch.randint(-6, 7, (images, rows, outputs), generator=generator).to(dtype) / 4
    if outputs == 1:
        return scores + 0.1, torch.randn(images, rows, generator=generator).to(dtype)
    return scores, torch.randint(classes - 1, (images, rows), generator=generator)  # the last class has none


def value(name, scores, target, cuts=CUTS):
    """Return the metric over batches, (K,), as a fit takes it."""
    metrics = {name: entry(name)}
    totals = EpochTotals(scores.shape[1], CPU, metrics)
    for cut in cuts:
        measured = measure(metrics, scores[cut], target[cut])
        totals.add(Result(torch.zeros(scores.shape[1]), measured), len(target[cut]))
    return totals.metrics("val", len(target))[f"val/{name}"]


# ---- oracles: one trial's scores and targets as lists, in Python's own floats


def first_best(scores):
    return max(range(len(scores)), key=lambda c: (scores[c], -c))


def accuracy(scores, target):
    return sum(first_best(s) == y for s, y in zip(scores, target, strict=True)) / len(target)


def error(scores, target):
    return math.fsum(abs(s[0] - y) for s, y in zip(scores, target, strict=True)) / len(target)


def among_five(scores, target):
    ranked = [sorted(range(len(s)), key=lambda c: (-s[c], c))[:5] for s in scores]
    return sum(y in best for best, y in zip(ranked, target, strict=True)) / len(target)


def mean_recall(scores, target):
    recalls = []
    for c in sorted(set(target)):
        own = [s for s, y in zip(scores, target, strict=True) if y == c]
        recalls.append(sum(first_best(s) == c for s in own) / len(own))
    return sum(recalls) / len(recalls)


ORACLES = {"acc": accuracy, "balanced-acc": mean_recall, "mae": error, "top5-acc": among_five}


def expected(name, scores, target):
    oracle, wide = ORACLES[name], scores.double()
    return [oracle(wide[:, k].tolist(), target[:, k].tolist()) for k in range(target.shape[1])]


def test_every_metric_of_ours_has_an_oracle():
    assert set(ORACLES) == {*registry.built_in("metrics")}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ORACLES)
def test_it_is_its_formula(name, dtype):
    for seed in range(20):
        scores, target = batch(name, dtype, seed=seed)
        exact = expected(name, scores, target)
        tolerance = 1e-6 if (name, dtype) == ("mae", torch.float32) else 1e-14
        assert value(name, scores, target).tolist() == pytest.approx(exact, rel=tolerance)


@pytest.mark.parametrize("name", sorted(set(ORACLES) - {"mae"}))
@pytest.mark.parametrize("classes", [1, 2, 5, 6])
def test_few_classes(name, classes):
    """With five classes or fewer the five best are all there are; with six one can be missed."""
    generator = torch.Generator().manual_seed(classes)
    scores = torch.randn(31, ROWS, classes, generator=generator)
    target = torch.randint(classes, (31, ROWS), generator=generator)
    found = value(name, scores, target).tolist()
    assert found == pytest.approx(expected(name, scores, target), rel=1e-14)
    assert (name == "top5-acc" and classes <= 5) == (found == [1.0] * ROWS) or classes == 1


@pytest.mark.parametrize("name", sorted(set(ORACLES) - {"mae"}))
def test_of_equal_scores_the_first_class_counts(name):
    """So an image of class c is right where c = 0, and among five where c < 5."""
    target = torch.arange(CLASSES)[:, None].expand(-1, ROWS)
    scores = torch.zeros(CLASSES, ROWS, CLASSES)
    right = 5 if name == "top5-acc" else 1
    assert value(name, scores, target, [slice(None)]).tolist() == pytest.approx([right / CLASSES] * ROWS)


def test_a_class_without_images_is_left_out_of_the_balance():
    target = torch.tensor([0, 0, 0, 2])[:, None]
    scores = torch.nn.functional.one_hot(torch.tensor([0, 1, 3, 2]), 4).double()[:, None]
    assert value("balanced-acc", scores, target, [slice(None)]).tolist() == [(1 / 3 + 1) / 2]
    assert value("acc", scores, target, [slice(None)]).tolist() == [0.5]


def test_classes_are_counted_exactly():
    generator = torch.Generator().manual_seed(3)
    classes = torch.randint(5, (40, 3), generator=generator)
    counted = torch.rand(40, 3, generator=generator) < 0.5
    found = count_by_class(classes, counted, 6)
    assert found.dtype == torch.int64
    for k in range(3):
        for c in range(6):
            assert int(found[k, c]) == sum(bool(counted[n, k]) and int(classes[n, k]) == c for n in range(40))


# ---- what all have in common


@pytest.mark.parametrize("name", NAMES)
def test_a_metric_declares_itself(name):
    own = entry(name)
    assert isinstance(own, Metric)
    assert own.tasks
    assert own.label == own.label.strip() != ""
    assert DEFAULTS[task_of(name)] in NAMES


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", NAMES)
def test_neighbours_do_not_matter(name, dtype):
    """A trial's bits are the same whatever stands beside it, NaN and infinities included."""
    scores, target = batch(name, dtype)
    before = value(name, scores, target)
    scores[:, 0], scores[:, 2], scores[:, 3] = math.nan, math.inf, -1e30
    assert value(name, scores, target)[1].item().hex() == before[1].item().hex()


@pytest.mark.parametrize("name", NAMES)
def test_a_trial_among_others_is_the_trial_alone(name):
    """To the last bit where images are counted; the error of numbers is a sum that the width may round."""
    scores, target = batch(name, torch.float64, rows=19)
    together = value(name, scores, target)
    for k in range(19):
        alone = value(name, scores[:, k : k + 1], target[:, k : k + 1])
        if name == "mae":
            torch.testing.assert_close(alone, together[k : k + 1], rtol=1e-14, atol=0)
        else:
            assert torch.equal(alone, together[k : k + 1])


@pytest.mark.parametrize("name", NAMES)
def test_the_batches_do_not_matter(name):
    """All at once, one by one, or measured in parts: the totals add up."""
    scores, target = batch(name, torch.float64)
    whole = value(name, scores, target, [slice(None)])
    single = value(name, scores, target, [slice(i, i + 1) for i in range(31)])
    torch.testing.assert_close(single, whole, rtol=1e-14, atol=0)
    metrics = {name: entry(name)}
    parts = add([measure(metrics, scores[cut], target[cut]) for cut in CUTS])
    torch.testing.assert_close(parts[name], measure(metrics, scores, target)[name], rtol=1e-14, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_no_gradient_goes_through_it(name):
    scores, target = batch(name)
    measured = measure({name: entry(name)}, scores.requires_grad_(), target)
    assert not measured[name].requires_grad


@pytest.mark.parametrize("name", NAMES)
def test_a_loss_that_is_nan_makes_it_nan(name):
    metrics = {name: entry(name)}
    scores, target = batch(name)
    totals = EpochTotals(ROWS, CPU, metrics)
    totals.add(Result(torch.tensor([1.0, math.nan, 2.0, 3.0]), measure(metrics, scores, target)), 31)
    found = totals.metrics("train", 31)[f"train/{name}"]
    assert found.isnan().tolist() == [False, True, False, False]
    assert found.dtype == torch.float64


def test_totals_are_added_up_in_float64():
    """2²⁴ + 1 is no float32: a sum over many batches must not lose what one of them adds."""
    totals = EpochTotals(1, CPU, {"mae": entry("mae")})
    for part in (2.0**24, 1.0):
        totals.add(Result(torch.zeros(1), {"mae": torch.tensor([part])}), 1)
    assert totals.metrics("val", 2)["val/mae"].tolist() == [(2**24 + 1) / 2]


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
    assert curve[-1] == pytest.approx(mean_recall(scores[:, 0].tolist(), held.y.tolist()), rel=1e-12)


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
        ([5], "train.metrics.0", "must be one of acc, balanced-acc, mae, top5-acc; got 5"),
        ([{"name": "acc"}], "train.metrics.0", "must be one of acc"),
        (None, "train.metrics", "must be a list"),
    ],
)
def test_wrong_metrics_are_refused_where_they_are_wrong(given, path, words):
    with pytest.raises(ConfigError) as caught:
        section(metrics=given)
    assert caught.value.path == path
    assert words in caught.value.message


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
    measured = measure(metrics, *batch("acc"))
    totals = EpochTotals(ROWS, CPU, metrics)

    def take():
        totals.add(Result(torch.zeros(ROWS), measured), 31)
        totals.metrics("val", 31)

    with pytest.raises(CnnlabError, match=words):
        take()


def test_arrays_measure_nothing_unless_asked():
    array = packing.make([packing.config()] * 2)
    assert array.step(*packing.batch(array, 0)).measured == {}
