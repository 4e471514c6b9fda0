"""Conformance of every metric, and the exact values of each against plain loops."""

import math

import numpy as np
import pytest
import torch

from cnnlab import registry
from cnnlab.engine.epoch_totals import EpochTotals
from cnnlab.engine.row_block import Result
from cnnlab.metric import DEFAULTS, Metric, add, count_by_class, measure
from cnnlab.top_accuracy import TopAccuracy

NAMES = registry.names("metrics")
CPU = torch.device("cpu")
ROWS, CLASSES = 4, 7
CUTS = (slice(0, 9), slice(9, 10), slice(10, 31))  # batches of unequal size

torch.set_num_threads(1)


def entry(name, classes=CLASSES):
    return registry.get("metrics", name)(classes)


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
    """Return the metric over batches, (K,), as a fit takes it; of each class, (K, classes)."""
    metrics = {name: entry(name, scores.shape[2])}
    totals = EpochTotals(scores.shape[1], CPU, metrics)
    for cut in cuts:
        measured = measure(metrics, scores[cut], target[cut])
        totals.add(Result(torch.zeros(scores.shape[1]), measured), len(target[cut]))
    found = totals.metrics("val", len(target))
    if not metrics[name].each_class:
        return found[f"val/{name}"]
    return torch.stack([found[f"val/{each}"] for each in metrics[name].names(name)], 1)


# ---- oracles: one trial's scores and targets as lists, in Python's own floats


def first_best(scores):
    return max(range(len(scores)), key=lambda c: (scores[c], -c))


def accuracy(scores, target):
    return sum(first_best(s) == y for s, y in zip(scores, target, strict=True)) / len(target)


def error(scores, target):
    return math.fsum(abs(s[0] - y) for s, y in zip(scores, target, strict=True)) / len(target)


def among(places):
    def share(scores, target):
        ranked = [sorted(range(len(s)), key=lambda c: (-s[c], c))[:places] for s in scores]
        return sum(y in best for best, y in zip(ranked, target, strict=True)) / len(target)

    return share


def mean_recall(scores, target):
    recalls = []
    for c in sorted(set(target)):
        own = [s for s, y in zip(scores, target, strict=True) if y == c]
        recalls.append(sum(first_best(s) == c for s in own) / len(own))
    return sum(recalls) / len(recalls)


def class_recalls(scores, target):
    answers, classes = [first_best(s) for s in scores], range(len(scores[0]))
    own = [[a == c for a, y in zip(answers, target, strict=True) if y == c] for c in classes]
    return [sum(each) / len(each) if each else math.nan for each in own]


def mean_f1(scores, target):
    """By precision and recall, from the table of answers: numpy in float64."""
    answers, target = np.argmax(np.array(scores), 1), np.array(target)
    found = []
    for c in np.union1d(answers, target):
        right = np.sum((answers == c) & (target == c))
        precision = right / max(1, np.sum(answers == c))
        recall = right / max(1, np.sum(target == c))
        found.append(0.0 if right == 0 else 2 * precision * recall / (precision + recall))
    return float(np.mean(found))


def gap_of_confidence(scores, target):
    """Guo et al. (2017), equation 3, with the shares of each bin: numpy in float64."""
    scores, target = np.array(scores), np.array(target)
    powers = np.exp(scores - scores.max(1, keepdims=True))
    surest, right = (powers / powers.sum(1, keepdims=True)).max(1), scores.argmax(1) == target
    found = 0.0
    for m in range(1, 16):
        inside = (surest > (m - 1) / 15) & (surest <= m / 15)
        if inside.any():
            found += inside.sum() / len(target) * abs(right[inside].mean() - surest[inside].mean())
    return float(found)


TOP = {f"top{places}-acc": places for places in (2, 3, 5, 10)}
ORACLES = {
    "acc": accuracy,
    "balanced-acc": mean_recall,
    "calibration-error": gap_of_confidence,
    "macro-f1": mean_f1,
    "mae": error,
    "recall": class_recalls,
    **{name: among(places) for name, places in TOP.items()},
}
ROUNDED = {"calibration-error": 1e-8}  # confidences to 2⁻³⁰ each


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
        tolerance = 1e-6 if (name, dtype) == ("mae", torch.float32) else ROUNDED.get(name, 1e-14)
        found = value(name, scores, target)
        np.testing.assert_allclose(found, exact, rtol=tolerance, atol=ROUNDED.get(name, 0))


@pytest.mark.parametrize("name", sorted(set(ORACLES) - {"mae"}))
@pytest.mark.parametrize("classes", [1, 2, 5, 6])
def test_few_classes(name, classes):
    """With k classes or fewer the k best are all there are; with more one can be missed."""
    generator = torch.Generator().manual_seed(classes)
    scores = torch.randn(31, ROWS, classes, generator=generator)
    target = torch.randint(classes, (31, ROWS), generator=generator)
    found, tolerance = value(name, scores, target), ROUNDED.get(name, 1e-14)
    np.testing.assert_allclose(found, expected(name, scores, target), rtol=tolerance, atol=tolerance)
    assert not (name in TOP and classes <= TOP[name]) or found.tolist() == [1.0] * ROWS


@pytest.mark.parametrize("name", ["acc", "balanced-acc", *TOP])
def test_of_equal_scores_the_first_class_counts(name):
    """So an image of class c is right where c = 0, and among k where c < k."""
    target = torch.arange(CLASSES)[:, None].expand(-1, ROWS)
    scores = torch.zeros(CLASSES, ROWS, CLASSES)
    right = min(CLASSES, TOP.get(name, 1))
    assert value(name, scores, target, [slice(None)]).tolist() == pytest.approx([right / CLASSES] * ROWS)


def test_a_class_without_images_is_left_out_of_the_balance():
    target = torch.tensor([0, 0, 0, 2])[:, None]
    scores = torch.nn.functional.one_hot(torch.tensor([0, 1, 3, 2]), 4).double()[:, None]
    assert value("balanced-acc", scores, target, [slice(None)]).tolist() == [(1 / 3 + 1) / 2]
    assert value("acc", scores, target, [slice(None)]).tolist() == [0.5]


def test_recall_of_a_class_without_images_is_not_a_number():
    target = torch.tensor([0, 0, 0, 2])[:, None]
    scores = torch.nn.functional.one_hot(torch.tensor([0, 1, 3, 2]), 4).double()[:, None]
    found = value("recall", scores, target, [slice(None)])[0].tolist()
    assert (found[0], found[2]) == (1 / 3, 1)
    assert math.isnan(found[1] + found[3])


def test_f1_counts_the_classes_that_are_answered_as_well():
    """0 twice right and once missed, 1 answered once and never right; 2 neither one nor the other."""
    target = torch.tensor([0, 0, 0])[:, None]
    scores = torch.nn.functional.one_hot(torch.tensor([0, 1, 0]), 3).double()[:, None]
    assert value("macro-f1", scores, target, [slice(None)]).tolist() == [(2 * 2 / (3 + 2) + 0) / 2]


def test_a_confidence_at_a_bins_end_is_in_the_lower_bin():
    """Scores of log p have the confidences p: 0.6 = 9/15 stands with 0.55, not with 0.65."""
    shares = torch.tensor([[0.6, 0.4], [0.55, 0.45], [0.65, 0.35]], dtype=torch.float64)
    target = torch.tensor([0, 1, 0])[:, None]
    found = value("calibration-error", shares.log()[:, None], target, [slice(None)]).item()
    assert found == pytest.approx((abs(1 - 1.15) + abs(1 - 0.65)) / 3, abs=1e-8)


def test_an_infinite_score_leaves_a_calibration_error_between_0_and_1():
    scores, target = batch("acc")
    scores[3] = math.inf
    assert 0 <= value("calibration-error", scores, target).min() <= 1


def test_a_calibrated_net_has_no_error_and_a_sure_one_has_its_share_of_wrong_answers():
    target = torch.arange(4)[:, None]
    even, sure = torch.zeros(4, 1, 4), torch.zeros(4, 1, 4)
    sure[..., 0] = 1000
    assert value("calibration-error", even, target, [slice(None)]).tolist() == [0]
    assert value("calibration-error", sure, target, [slice(None)]).tolist() == [0.75]


def test_any_k_is_a_file_that_names_it():
    made = type("Top4Acc", (TopAccuracy,), {"places": 4, "__module__": "cnnlab_plugins.metrics.top4_acc"})
    assert (made.min_classes, made.label, made.error) == (5, "top-4 accuracy", "top4_error")
    scores, target = batch("acc")
    share = made().value(made().totals(scores, target).double(), len(target))
    found = [among(4)(scores[:, k].tolist(), target[:, k].tolist()) for k in range(ROWS)]
    assert share.tolist() == pytest.approx(found)


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
    assert value(name, scores, target)[1].numpy().tobytes() == before[1].numpy().tobytes()


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
            torch.testing.assert_close(alone, together[k : k + 1], rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("name", NAMES)
def test_the_batches_do_not_matter(name):
    """All at once, one by one, or measured in parts: the totals add up."""
    scores, target = batch(name, torch.float64)
    whole = value(name, scores, target, [slice(None)])
    single = value(name, scores, target, [slice(i, i + 1) for i in range(31)])
    torch.testing.assert_close(single, whole, rtol=1e-14, atol=0, equal_nan=True)
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
    own = totals.metrics("train", 31)
    for each in metrics[name].names(name)[:1]:
        found = own[f"train/{each}"]
        assert found.isnan().tolist() == [False, True, False, False]
        assert found.dtype == torch.float64


def test_totals_are_added_up_in_float64():
    """2²⁴ + 1 is no float32: a sum over many batches must not lose what one of them adds."""
    totals = EpochTotals(1, CPU, {"mae": entry("mae")})
    for part in (2.0**24, 1.0):
        totals.add(Result(torch.zeros(1), {"mae": torch.tensor([part])}), 1)
    assert totals.metrics("val", 2)["val/mae"].tolist() == [(2**24 + 1) / 2]
