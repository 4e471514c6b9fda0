"""Conformance of every schedule, their formulas, and what they do to rows that train, stop and go on."""

import math

import packing
import pytest
import torch
from rate_curves import CPU, curve

from cnnlab import registry, resolve
from cnnlab.engine.row_groups import group_rows
from cnnlab.errors import ConfigError
from cnnlab.fit import Fit, Row
from cnnlab.hyper import declared

NAMES = registry.names("schedules")
# Of each schedule one that moves within a few steps; an epoch of packing's arrays is one step.
QUICK = {
    "constant": "constant",
    "cosine": {"name": "cosine", "over": 5, "to": 0.01},
    "cosine-restarts": {"name": "cosine-restarts", "every": 2, "growth": 2, "to": 0.01},
    "one-cycle": {"name": "one-cycle", "over": 50, "up": 0.05, "div": 4, "unit": "iteration"},
    "polynomial": {"name": "polynomial", "over": 6, "to": 0.01, "power": 2},
    "exponential": {"name": "exponential", "k": 0.3},
    "inverse-time": {"name": "inverse-time", "k": 0.5, "unit": "iteration"},
    "linear": {"name": "linear", "to": 0.3, "over": 5},
    "piecewise": {"name": "piecewise", "pieces": [[2, 0.5], [5, 0.1]]},
    "plateau": {"name": "plateau", "factor": 0.1},
    "step": {"name": "step", "every": 2, "factor": 0.5},
    "sutskever": {"name": "sutskever", "every": 2},
}
QUICK |= {name: name for name in NAMES if name not in QUICK}  # a new one, with its defaults


def config(schedule="constant", precision="float64", optimizer="momentum", momentum_schedule="constant"):
    return packing.config(
        precision=precision,
        optimizer=optimizer,
        schedule=schedule,
        momentum_schedule=momentum_schedule,
    )


@pytest.mark.parametrize(
    ("choice", "formula"),
    [
        ("constant", lambda t: 0.8),
        ({"name": "step", "every": 10, "factor": 0.5}, lambda t: 0.8 * 0.5 ** (t // 10)),
        ({"name": "step", "every": 1, "factor": 0.1}, lambda t: 0.8 * 0.1**t),
        ({"name": "exponential", "k": 0.25}, lambda t: 0.8 * math.exp(-0.25 * t)),
        ({"name": "inverse-time", "k": 0.25}, lambda t: 0.8 / (1 + 0.25 * t)),
        ({"name": "linear", "to": 0.99, "over": 7}, lambda t: 0.8 + 0.19 * min(t / 7, 1)),
        (
            {"name": "sutskever", "every": 4},
            lambda t: min(1 - 2 ** (-1 - math.log2(t // 4 + 1)), 0.8),
        ),
        ({"name": "plateau"}, lambda t: 0.8),
        (
            {"name": "cosine", "over": 8, "to": 0.2},
            lambda t: 0.2 + 0.6 * (1 + math.cos(math.pi * min(t / 8, 1))) / 2,
        ),
        (
            {"name": "polynomial", "over": 8, "to": 0.2, "power": 2},
            lambda t: 0.2 + 0.6 * (1 - min(t / 8, 1)) ** 2,
        ),
        (
            {"name": "piecewise", "pieces": [[2, 0.4], [5, 0.2], [8, 0.1], [12, 0.02]]},
            lambda t: 0.8 * next(f for a, f in ((12, 0.02), (8, 0.1), (5, 0.2), (2, 0.4), (0, 1)) if t >= a),
        ),
    ],
)
def test_formula(choice, formula):
    assert curve(choice) == pytest.approx([formula(t) for t in range(25)], rel=1e-14)


def test_the_rates_of_1998():
    """.0005 for two passes, .0002 for three, .0001 for three, .00005 for four, .00001 for eight."""
    pieces = [[2, 0.4], [5, 0.2], [8, 0.1], [12, 0.02]]
    expected = [5e-4] * 2 + [2e-4] * 3 + [1e-4] * 3 + [5e-5] * 4 + [1e-5] * 8
    assert curve({"name": "piecewise", "pieces": pieces}, 0.0005, 20) == pytest.approx(expected, rel=1e-14)


def test_rows_of_unlike_many_pieces_stand_together():
    choices = [{"name": "piecewise", "pieces": p} for p in ([[3, 0.1]], [[1, 0.5], [2, 0.2], [4, 0.0]])]
    (both,) = group_rows("schedules", [registry.resolve("schedules", c, "p") for c in choices], CPU)
    start = torch.tensor([0.8, 0.8], dtype=torch.float64)
    for t in range(6):
        together = both.entry.value(start, torch.full_like(start, t), both.hypers, torch.zeros(2, 3))
        assert together.tolist() == [curve(c, steps=6)[t] for c in choices]


def test_a_step_comes_with_t_equal_n():
    assert curve({"name": "step", "every": 5, "factor": 0.5}, start=1.0, steps=7) == [1] * 5 + [0.5] * 2


def test_a_line_ends_where_configured():
    assert curve({"name": "linear", "to": 0.99, "over": 3}, start=0.5)[3:] == [0.99] * 22


LOSSES = [3.0, 2.0, 2.0, 1.9999, 2.5, math.nan, 1.5, 1.6, 1.7, 1.8, 1.4, 1.4, 1.4, 1.4, 1.4, 1.3, 1.3]


@pytest.mark.parametrize("patience", [0, 1, 3])
@pytest.mark.parametrize("threshold", [0.0, 1e-4, 0.2])
def test_plateau_is_torchs(patience, threshold):
    w = torch.nn.Parameter(torch.zeros(1))
    rule = torch.optim.SGD([w], lr=0.8)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        rule, factor=0.5, patience=patience, threshold=threshold, eps=0
    )
    choice = {"name": "plateau", "patience": patience, "threshold": threshold}
    (own,) = group_rows("schedules", [registry.resolve("schedules", choice, "p")], CPU)
    start = torch.tensor([0.8], dtype=torch.float64)
    memory = torch.tensor([own.entry.memory], dtype=torch.float64)
    rates = []
    for loss in LOSSES:
        theirs.step(loss)
        own.entry.observe(torch.tensor([loss], dtype=torch.float64), own.hypers, memory)
        rates.append(float(own.entry.value(start, start * 0, own.hypers, memory)))
        assert rates[-1] == pytest.approx(rule.param_groups[0]["lr"], rel=1e-14)
    assert rates[-1] < 0.8


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_packing_does_not_matter(name):
    others = [QUICK[other] for other in NAMES]
    packing.assert_packing_does_not_matter(
        [config(QUICK[name], optimizer="adam"), *map(config, others), config(momentum_schedule=QUICK[name])]
    )


@pytest.mark.parametrize("name", NAMES)
def test_neighbours_do_not_matter(name):
    own = config(QUICK[name], "float32", "nesterov-b", QUICK[name])
    others = [config(QUICK[o], "float32") for o in ("exponential", "plateau", "constant")]
    packing.assert_neighbours_do_not_matter(own, others)


@pytest.mark.long
@pytest.mark.parametrize("optimizer", registry.names("optimizers"))
def test_a_rate_and_a_momentum_that_move_are_each_steps_own(optimizer):
    """A scheduled trial takes the steps of trials whose constant numbers are set anew before each."""
    line = {"name": "linear", "to": 0.02, "over": 4}
    anneal = {"name": "linear", "to": 0.5, "over": 4}
    has_momentum = "momentum" in declared(registry.get("optimizers", optimizer))
    given = {"name": optimizer, "lr": 0.1, **({"momentum": 0.9} if has_momentum else {})}
    rule = registry.resolve("optimizers", {**given, **packing.CALM.get(optimizer, {})}, "p")
    moving = config(line, "float64", rule, anneal if has_momentum else "constant")
    scheduled, by_hand = packing.make([moving]), packing.make([config(optimizer=rule)])

    def at(t):
        part = min(t / 4, 1)
        return 0.1 + (0.02 - 0.1) * part, 0.9 + (0.5 - 0.9) * part

    for t in range(6):
        lr, mu = at(t)
        now = {**rule, "lr": lr} | ({"momentum": mu} if has_momentum else {})
        by_hand.configs = [config(optimizer=now)]
        by_hand._read_configs()
        if optimizer == "nesterov-b":  # it asks for the next momentum, which constants do not tell
            next_mu = torch.tensor([at(t + 1)[1]], dtype=torch.float64)
            by_hand.schedules.values = lambda steps, size, mu=next_mu: {"momentum_next": mu}
        packing.train(scheduled, 1, first=t)
        packing.train(by_hand, 1, first=t)
        assert float(scheduled.rates()) == pytest.approx(lr, rel=1e-14)
        torch.testing.assert_close(scheduled.theta, by_hand.theta, rtol=0, atol=1e-11)


def fit_config(optimizer="momentum", **train):
    return resolve(
        {
            "model": {"name": "mlp", "hidden": [12]},
            "data": "fashion-mnist-mini",
            "train": {"batch_size": 500, "epochs": 4, "optimizer": optimizer, **train},
        }
    )


def rates(one, epochs):
    """Return the reported rates, a list for each row."""
    reports = [one.run_epoch() for _ in range(epochs)]
    return [[epoch[row].metrics["lr"] for epoch in reports] for row in one.live]


def test_the_reported_rate_is_that_of_the_epochs_last_step():
    sgd = {"name": "sgd", "lr": 0.5}
    schedules = [
        "constant",
        {"name": "step", "every": 2, "factor": 0.5},
        {"name": "exponential", "k": 0.01, "unit": "iteration"},
        {"name": "inverse-time", "k": 1},
    ]
    one = Fit([Row(fit_config(sgd, schedule=s), 1) for s in schedules])
    a, b, c, d = rates(one, 3)
    size = one.array.epoch_steps
    assert size == math.ceil(len(one.data.train) / 500)
    assert (a, b) == ([0.5] * 3, [0.5, 0.5, 0.25])
    assert c == pytest.approx([0.5 * math.exp(-0.01 * (size * e - 1)) for e in (1, 2, 3)], rel=1e-14)
    assert d == pytest.approx([0.5, 0.25, 0.5 / 3], rel=1e-14)


def test_a_plateau_follows_each_rows_own_validation_loss():
    """A rate that is far too large makes the loss rise; after a rise the rate of that row alone falls."""
    schedule = {"name": "plateau", "factor": 0.5}
    one = Fit([Row(fit_config({"name": "sgd", "lr": lr}, schedule=schedule), 1) for lr in (1e-4, 30.0)])
    best, expected, seen, calm, losses = math.inf, 30.0, [], [], []
    for _ in range(6):
        small, large = one.run_epoch()
        assert large.metrics["lr"] == expected
        if large.metrics["val/loss"] < best:
            best = large.metrics["val/loss"]
        else:
            expected /= 2
        seen.append(expected)
        calm.append(small.metrics["lr"])
        losses.append(small.metrics["val/loss"])
    assert seen[-1] < 30
    assert calm == [1e-4] * 6
    assert one.array.schedules.memory[:, 0, 1].tolist() == [min(losses), best]


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_going_on_from_a_checkpoint_repeats_every_bit(name):
    """In other company, and in the middle of a schedule; the plateau has made a cut by then."""
    slow = {"name": "plateau", "threshold": 0.5}
    own = fit_config(
        {"name": "nesterov-b", "lr": 0.05, "momentum": 0.9},
        schedule=slow if name == "plateau" else QUICK[name],
        momentum_schedule=QUICK[name],
    )
    other, third = fit_config("adam", schedule=QUICK["exponential"]), fit_config("sgd", schedule=slow)
    straight = Fit([Row(other, 1), Row(own, 2)])
    for _ in range(3):
        straight.run_epoch()
    saved = {n: tensor[1].clone() for n, tensor in straight.state().items()}
    if name == "plateau":
        assert saved["schedules"][0, 0] >= 1
    resumed = Fit([None, Row(own, 2)]) if name == "constant" else Fit([Row(third, 5), Row(own, 2)])
    blank = resumed.state()
    for row, tensors in ((0, {n: tensor[0] for n, tensor in blank.items()}), (1, saved)):
        resumed.load_row(row, tensors, epoch=3)
    for _ in range(2):
        assert resumed.run_epoch()[-1] == straight.run_epoch()[-1]
    ended, expected = resumed.state(), straight.state()
    for state in (ended, expected):
        state["slots"] = state["slots"][:, :1]  # of those that neighbours make there be, the one it uses
    assert all(torch.equal(ended[field][1], tensor[1]) for field, tensor in expected.items())


def test_keeping_rows_keeps_what_their_schedules_remember():
    array = packing.make([config(QUICK[name]) for name in ("step", "plateau", "constant", "plateau")])
    array.schedules.observe(torch.tensor([1.0, 2.0, 3.0, 4.0]).double())
    array.schedules.observe(torch.tensor([1.0, 2.0, 3.0, 4.0]).double())
    packing.train(array, 3)
    before = array.rates()
    array.keep([1, 0, 3])
    assert array.schedules.memory[:, 0, 1].tolist() == [2.0, 0.0, 4.0]
    assert array.rates().tolist() == before[[1, 0, 3]].tolist()
    assert before[1] == 0.05 * 0.1


@pytest.mark.parametrize(
    ("train", "path", "words"),
    [
        ({"schedule": "stpe"}, "train.schedule", "Did you mean 'step'?"),
        ({"schedule": {"name": "step", "unit": "epochs"}}, "train.schedule.unit", "one of epoch, iteration"),
        ({"schedule": {"name": "step", "every": 0}}, "train.schedule.every", "must be an integer"),
        (
            {"optimizer": "adam", "momentum_schedule": "sutskever"},
            "train.momentum_schedule",
            "must be constant: adam has no momentum; got sutskever",
        ),
        (
            {"optimizer": "sgd", "momentum_schedule": "sutskever"},
            "train.momentum_schedule",
            "must be constant: sgd has momentum 0 and keeps none; got sutskever",
        ),
        (
            {"momentum_schedule": {"name": "linear", "to": 1}},
            "train.momentum_schedule.to",
            "must be a number from 0 to 0.9999, got 1",
        ),
    ],
)
def test_a_wrong_schedule_is_refused_at_its_path(train, path, words):
    with pytest.raises(ConfigError) as caught:
        resolve({"model": "mlp", "data": "mnist", "train": train})
    assert caught.value.path == path
    assert words in caught.value.message


def test_waves_begin_exactly_where_those_before_them_end():
    """Where a logarithm's rounding would be off by one: 3⁵ first lengths, and halves between whole epochs."""
    for growth in (2, 3, 7, 10):
        begins = [(growth**i - 1) // (growth - 1) for i in range(1, 6)]
        choice = {"name": "cosine-restarts", "every": 1, "growth": growth}
        (one,) = group_rows("schedules", [registry.resolve("schedules", choice, "p")], CPU)
        for t in begins:
            start, at = torch.tensor([[0.8, 0.8], [t, math.nextafter(t, 0)]], dtype=torch.float64)
            first, last = one.entry.value(start, at, one.hypers, torch.zeros(2, 3)).tolist()
            assert first == 0.8
            assert last < 1e-9


def test_a_cycle_stays_at_its_last_rate():
    found = curve({"name": "one-cycle", "over": 4, "up": 0.5, "div": 10, "final_div": 2, "unit": "iteration"})
    assert found[:4] == pytest.approx([0.08, 0.44, 0.8, 0.42], rel=1e-14)
    assert found[4:] == pytest.approx([0.04] * 21, rel=1e-14)
    for up in (0.0, 1.0):
        ends = curve({"name": "one-cycle", "over": 1, "up": up, "unit": "iteration"}, steps=2)
        assert all(math.isfinite(rate) for rate in ends)
        assert ends[0] == pytest.approx(0.8 if up == 0 else 0.8 / 25)


def test_a_momentum_cycles_the_other_way():
    choice = {"name": "one-cycle", "over": 10, "div": 0.85 / 0.95, "final_div": 1, "unit": "iteration"}
    found = curve(choice, start=0.85, steps=12)
    assert (found[0], min(found), found[10]) == pytest.approx((0.95, 0.85, 0.95))


def test_a_momentum_that_cycles_out_of_its_range_is_refused():
    with pytest.raises(ConfigError) as caught:
        config(momentum_schedule={"name": "one-cycle", "div": 0.5})
    assert str(caught.value) == (
        "train.momentum_schedule.div: must leave the first momentum, momentum/div, at most 0.9999; got 0.5, "
        "which makes it 1.8"
    )
