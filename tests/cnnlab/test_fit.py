"""The training loop: curves that repeat, rows that stop, go on elsewhere and remember their best."""

import math
from itertools import count

import pytest
import torch
from module_clock import set_clock

from cnnlab import fit as fit_module
from cnnlab import resolve
from cnnlab.errors import CnnlabError, ConfigError
from cnnlab.fit import Fit, Row, fit
from cnnlab.kernels import library
from cnnlab.layer import Mode

torch.set_num_threads(1)


def config(hidden=(12,), data=None, model=None, **train):
    return resolve(
        {
            "model": {"name": "mlp", "hidden": list(hidden), **(model or {})},
            "data": {"name": "fashion-mnist-mini", **(data or {})},
            "train": {"batch_size": 500, "epochs": 3, **train},
        }
    )


def mixed():
    return [
        Row(config(optimizer="adam", model={"dropout": 0.3}), seed=1),
        Row(config(optimizer={"name": "sgd", "lr": 0.2}, l2=1e-3), seed=2),
        Row(config(optimizer={"name": "momentum", "lr": 0.02}, loss="svm"), seed=3),
    ]


def run(one, epochs):
    return [report for _ in range(epochs) for report in one.run_epoch()]


def test_the_library_in_one_line_learns():
    short = {"model": "mlp", "data": "fashion-mnist-mini", "train": {"epochs": 3, "batch_size": 250}}
    reports = fit(short, seed=4)
    assert [report.epoch for report in reports] == [1, 2, 3]
    assert [set(report.metrics) for report in reports] == [
        {"train/loss", "train/acc", "val/loss", "val/acc", "lr"}
    ] * 3
    assert reports[-1].metrics["val/acc"] > 0.6
    assert reports[-1].metrics["train/loss"] < reports[0].metrics["train/loss"]
    assert reports == fit(resolve(short), seed=4)
    assert reports != fit(short, seed=5)


def test_reports_have_each_rows_own_numbers():
    one = Fit(mixed())
    reports = one.run_epoch()
    assert [report.row for report in reports] == [0, 1, 2]
    assert [report.metrics["lr"] for report in reports] == [0.001, 0.2, 0.02]
    assert len({report.metrics["train/loss"] for report in reports}) == 3
    assert one.images_per_s > 0
    assert one.epoch == 1


def test_a_trial_in_a_fit_is_the_trial_alone():
    double = [Row(config(precision="float64", optimizer=o), seed=s) for o, s in (("adam", 1), ("sgd", 2))]
    together, alone = run(Fit(double), 2), run(Fit(double[1:]), 2)
    for packed, single in zip(together[1::2], alone, strict=True):
        for name, value in single.metrics.items():
            assert packed.metrics[name] == pytest.approx(value, abs=1e-10)


def test_a_dead_row_keeps_the_width_and_is_not_reported(monkeypatch):
    rows = mixed()
    padded = Fit([rows[0], None, rows[2]])
    reports = padded.run_epoch()
    assert [report.row for report in reports] == [0, 2]
    assert len(padded.array) == 3
    set_clock(monkeypatch, fit_module, perf_counter=count(0.0, 2.0).__next__)
    padded.run_epoch()
    assert padded.images_per_s == 3 * len(padded.data.train) / 2  # the array's: a dead row takes as long
    whole = Fit(rows).run_epoch()
    assert reports == [whole[0], whole[2]]  # to the last bit: the neighbour's values never matter


def test_a_killed_row_is_reported_no_more_and_changes_nobody():
    whole, thinned = Fit(mixed()), Fit(mixed())
    run(whole, 1)
    run(thinned, 1)
    thinned.kill(1)
    assert thinned.live == [0, 2]
    assert thinned.run_epoch() == [report for report in whole.run_epoch() if report.row != 1]


def test_going_on_from_a_state_repeats_every_bit():
    straight = Fit(mixed())
    run(straight, 1)
    saved = straight.state()
    rest = run(straight, 2)
    resumed = Fit(mixed())
    for row in range(3):
        resumed.load_row(row, {name: tensor[row] for name, tensor in saved.items()}, epoch=1)
    assert resumed.epoch == 1
    assert all(torch.equal(resumed.state()[name], tensor) for name, tensor in saved.items())
    assert run(resumed, 2) == rest
    for name, tensor in straight.state().items():
        assert torch.equal(resumed.state()[name], tensor), name


def test_the_best_weights_of_a_loaded_row_come_with_their_statistics():
    """Batch normalization predicts with them; the best epoch may lie before the state."""
    row = Row(config(model={"norm": "batch"}), 1)
    saved, other = Fit([row]), Fit([row])
    saved.run_epoch()
    other.load_row(0, {name: tensor[0] for name, tensor in saved.state().items()}, epoch=1)
    (epoch, _, found), (_, _, expected) = other.best()[0], saved.best()[0]
    assert epoch == 1
    assert any("mean" in name for name in expected)
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


def test_a_best_epoch_that_is_forgotten_gives_way_to_any_later_one():
    straight, other = Fit(mixed()), Fit(mixed())
    run(straight, 1)
    for row in range(3):
        other.load_row(row, {name: tensor[row] for name, tensor in straight.state().items()}, epoch=1)
    other.forget_best(1)
    epoch, value, weights = other.best()[1]
    assert (epoch, math.isnan(value)) == (0, True)
    now = other.array.net.named(other.array.theta[1], other.array.buffers[1])
    assert all(torch.equal(weights[name], tensor) for name, tensor in now.items())
    assert other.best()[0][0] == 1
    later = max(run(other, 2)[1::3], key=lambda report: report.metrics["val/acc"])
    assert other.best()[1][:2] == (later.epoch, later.metrics["val/acc"])


def test_every_tensor_of_a_state_has_a_row_per_trial():
    one = Fit(mixed())
    assert {len(tensor) for tensor in one.state().values()} == {3}


def test_a_full_batch_is_one_step_with_the_gradient_of_all_images():
    """That is the mean of the gradients of its halves, here of one plain step each from the same weights."""
    sgd = {"name": "sgd", "lr": 0.1}
    full = Fit([Row(config(batch_size="full", precision="float64", optimizer=sgd), 1)])
    start, images = full.array.theta.clone(), len(full.data.train)
    full.run_epoch()
    assert full.array.steps.tolist() == [1]
    steps = []
    for half in (slice(0, images // 2), slice(images // 2, images)):
        one = Fit([Row(config(precision="float64", optimizer=sgd), 1)])
        one.array.step(*one.data.train.batch(half, 1))
        steps.append((one.array.theta - start) * (half.stop - half.start) / images)
    torch.testing.assert_close(full.array.theta - start, sum(steps), rtol=0, atol=1e-12)


def test_rows_at_different_epochs_are_refused():
    one = Fit(mixed())
    one.load_row(1, {name: tensor[1] for name, tensor in one.state().items()}, epoch=4)
    with pytest.raises(CnnlabError, match=r"must be at the same epoch, got \[0, 4\]"):
        one.run_epoch()
    one.kill(1)
    assert one.epoch == 0


def test_a_stop_is_asked_for_before_every_batch():
    asked = []

    def stop():
        asked.append(1)
        return len(asked) == 3

    one = Fit(mixed())
    assert one.run_epoch(stop) is None
    assert len(asked) == 3
    assert one.array.steps.tolist() == [2, 2, 2]


def seen(one):
    """Return the pixel sums and classes of an epoch's batches, (N, K)."""
    batches = []
    honest = one.array.step

    def watching(x, y):
        batches.append((x.sum((2, 3, 4)), y.clone()))
        return honest(x, y)

    one.array.step = watching
    one._steps.traces.on = False
    one.run_epoch()
    return [torch.cat(parts) for parts in zip(*batches, strict=True)]


def test_trials_of_one_replicate_see_the_same_batches():
    a, b = config(optimizer="adam"), config(optimizer="sgd")
    rows = [Row(a, 1, replicate=0), Row(b, 2, replicate=1), Row(b, 3, replicate=0)]
    sums, classes = seen(Fit(rows))
    assert torch.equal(sums[:, 0], sums[:, 2])
    assert torch.equal(classes[:, 0], classes[:, 2])
    assert not torch.equal(classes[:, 0], classes[:, 1])
    assert torch.equal(classes[:, 0].sort().values, classes[:, 1].sort().values)
    alone_sums, alone_classes = seen(Fit([rows[1]]))
    assert torch.equal(alone_classes[:, 0], classes[:, 1])
    torch.testing.assert_close(alone_sums[:, 0], sums[:, 1], rtol=0, atol=1e-3)


def test_a_replicate_trains_alike_beside_others_and_alone():
    rows = [Row(config(precision="float64"), 1, replicate=r) for r in (0, 1)]
    together, alone = Fit(rows).run_epoch()[1], Fit(rows[1:]).run_epoch()[0]
    for name, value in alone.metrics.items():
        assert together.metrics[name] == pytest.approx(value, abs=1e-10)


@pytest.mark.parametrize("model", ["mlp", "lenet5"])
def test_a_mixed_row_has_the_same_bits_whatever_replicates_stand_beside_it(model):
    choice = {"name": model, "hidden": [12]} if model == "mlp" else model
    shape = {"model": choice, "data": "fashion-mnist-mini", "train": {"batch_size": 500, "epochs": 1}}
    rows = [Row(resolve(shape), seed=r, replicate=r % 3) for r in range(4)]
    among = Fit(rows, mixed=True)
    alone = Fit([None, None, rows[2], None], mixed=True)
    [beside] = [report for report in among.run_epoch() if report.row == 2]
    assert alone.run_epoch() == [beside]
    assert torch.equal(alone.array.theta[2], among.array.theta[2])


@pytest.mark.parametrize("model", ["mlp", "lenet5"])
def test_a_rate_of_zero_has_the_same_bits_beside_rates_and_alone(model):
    """Without input dropout rows share their images, other arithmetic in some layers: see `varied`."""
    path = "model.input_dropout"
    shape = {"data": "fashion-mnist-mini", "train": {"batch_size": 500, "epochs": 1}}
    rows = [
        Row(resolve({"model": {"name": model, "input_dropout": rate}, **shape}), seed=k)
        for k, rate in enumerate((0.2, 0.0))
    ]
    with library.torch_alone():
        beside, alone = Fit(rows, varied=[path]), Fit([None, rows[1]], varied=[path])
        _, report = beside.run_epoch()
        assert alone.run_epoch() == [report]
    assert torch.equal(alone.array.theta[1], beside.array.theta[1])


def test_a_rate_that_is_zero_everywhere_shares_the_images_unless_it_is_varied():
    """On some processors the other arithmetic rounds alike, so bits cannot show which one was used."""
    path = "model.input_dropout"
    rows = [Row(resolve({"model": {"name": "mlp", "input_dropout": 0.0}, "data": "fashion-mnist-mini"}), 1)]
    assert path in Fit(rows).array.context(Mode.TRAIN).all_zero
    assert path not in Fit(rows, varied=[path]).array.context(Mode.TRAIN).all_zero


def test_rows_that_share_batches_are_of_one_replicate():
    rows = [Row(config(), 1, replicate=r) for r in (0, 1)]
    with pytest.raises(CnnlabError, match=r"one replicate, got \[0, 1\]"):
        Fit(rows, mixed=False)


def test_the_best_epoch_is_kept():
    one = Fit(mixed(), objective=("val/loss", "minimize"))
    reports = run(one, 3)
    for row in range(3):
        curve = [report.metrics["val/loss"] for report in reports if report.row == row]
        epoch, value, weights = one.best()[row]
        assert value == min(curve)
        assert epoch == 1 + curve.index(min(curve))
        assert weights["linear1.weight"].shape == (12, 784)
    assert one.test_best()[0]["test/acc"] > 0.3


def test_the_best_weights_are_those_of_the_best_epoch():
    one = Fit([Row(config(test="best"), 1)], objective=("val/loss", "minimize"))
    run(one, 1)
    first = one.array.net.named(one.array.theta[0], one.array.buffers[0])
    tested = one.test_best()[0]
    one.array.theta.mul_(-30)  # from here on it is worse than it was
    run(one, 1)
    epoch, _, weights = one.best()[0]
    assert epoch == 1
    assert all(torch.equal(weights[name], value) for name, value in first.items())
    assert one.test_best()[0] == tested


def test_without_a_validation_part_training_decides():
    one = Fit([Row(config(data={"validation": 0}), 1)])
    (report,) = one.run_epoch()
    assert set(report.metrics) == {"train/loss", "train/acc", "lr"}
    assert one.best()[0][:2] == (1, report.metrics["train/acc"])


def test_before_the_first_epoch_there_is_no_best():
    epoch, value, weights = Fit([Row(config(), 1)]).best()[0]
    assert epoch == 0
    assert math.isnan(value)
    assert set(weights) == {"linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias"}


def test_each_epoch_can_be_tested():
    one = Fit([Row(config(test="each-epoch"), k) for k in (1, 2)], objective=("test/acc", "maximize"))
    reports = one.run_epoch()
    for row, (report, tested) in enumerate(zip(reports, one.test_best(), strict=True)):
        assert one.best()[row][1] == report.metrics["test/acc"]
        assert tested == {name: report.metrics[name] for name in ("test/loss", "test/acc")}


def test_a_diverged_row_says_so_and_has_no_accuracy():
    wild = config(optimizer={"name": "sgd", "lr": 100.0}, loss="svm", l2=1000)
    one = Fit([mixed()[0], Row(wild, 2)])
    reports = run(one, 2)
    assert [report.diverged for report in reports] == [False, True, False, True]
    assert math.isnan(reports[-1].metrics["train/loss"])
    assert math.isnan(reports[-1].metrics["val/acc"])
    assert reports[-2].metrics["val/acc"] > 0.3


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([None], "at least one live row"),
        ([], "at least one live row"),
        ([Row(config(), 1), Row(config(hidden=(3,)), 1)], "one shape key"),
        ([Row(config(), 1), Row(config(), 1, data_seed=1)], "one data seed"),
    ],
)
def test_rows_that_cannot_share_an_array_are_refused(rows, words):
    with pytest.raises(CnnlabError, match=words):
        Fit(rows)


@pytest.mark.parametrize(
    ("objective", "words"),
    [
        (("val/accuracy", "maximize"), r"no metric named 'accuracy'\. Known: acc, balanced-acc"),
        (("all/acc", "maximize"), "got 'all/acc'"),
        (("val/mae", "minimize"), "mae needs numbers as targets, but the targets of these data are classes"),
        (("val/acc", "max"), "the goal of val/acc is to maximize it, got 'max'"),
        (("test/acc", "maximize"), "needs train.test each-epoch, got never"),
    ],
)
def test_an_objective_that_will_not_exist_is_refused(objective, words):
    with pytest.raises(ConfigError, match=words) as caught:
        Fit([Row(config(), 1)], objective=objective)
    assert caught.value.path == "objective"


@pytest.mark.parametrize(("validation", "part"), [(0.1, "val"), (0, "train")])
def test_a_confusion_matrix_counts_the_answers_of_the_best_weights(validation, part):
    data = {"validation": validation}
    one = Fit([Row(config(data=data), 1), Row(config(data=data), 2)])
    run(one, 1)
    best = [one.best()[row][1] for row in (0, 1)]
    one.array.theta.mul_(-30)  # worse from here on, so these are not the weights that count
    run(one, 1)
    images = one.data.validation if validation else one.data.train
    name, told = one.confusion()
    assert name == part
    for counts, accuracy in zip(told, best, strict=True):
        assert torch.equal(counts.sum(1), torch.bincount(images.y, minlength=10))
        if validation:
            assert counts.diagonal().sum() / counts.sum() == pytest.approx(accuracy, rel=1e-12)
    assert not torch.equal(told[0], told[1])


def test_statistics_of_the_population_are_those_of_the_epochs_weights():
    """After an epoch, from the training images in the epoch's batches; measured with them."""
    model = {"name": "mlp", "hidden": [8], "norm": "batch", "norm_statistics": "population"}
    config = resolve(
        {
            "model": model,
            "data": "fashion-mnist-mini",
            "train": {"batch_size": 540, "precision": "float64", "epochs": 2},
        }
    )
    one = Fit([Row(config, 1), Row(config, 2)])
    for epoch in (1, 2):
        reports = one.run_epoch()
        index = one._streams.order(epoch)
        weight = one.array.net.named(one.array.theta[1], one.array.buffers[1])
        x = one.data.train.batch(index[:, 0], 2)[0][:, 1].flatten(1)
        z = (x @ weight["linear1.weight"].T).view(10, 540, 8)  # ten batches, and no bias before normalization
        torch.testing.assert_close(weight["norm1.running_mean"], z.mean((0, 1)), rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(weight["norm1.running_var"], z.var(1).mean(0), rtol=1e-10, atol=1e-12)
        held, y = one.data.validation.batch(slice(0, 600), 2)
        loss = one.array.evaluate(held, y).loss
        assert reports[1].metrics["val/loss"] == pytest.approx(float(loss[1]), rel=1e-12)
