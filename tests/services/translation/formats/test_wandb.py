"""services/translation/formats/wandb.py: keys and distributions as W&B documents them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from services.translation.compose import compose
from services.translation.errors import TranslationError
from services.translation.foreign import ForeignSweep
from services.translation.formats import wandb
from services.translation.parameter import Domain, Fixed, Interval, OneOfValues, Unspecified


def read(**keys: Any) -> ForeignSweep:
    return wandb.read({"method": "random", "parameters": {"lr": {"value": 0.1}}, **keys})


def domain(**keys: Any) -> Domain:
    [parameter] = read(parameters={"lr": keys}).parameters
    return parameter.domain


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"value": 0.1}, Fixed(0.1)),
        ({"distribution": "constant", "value": "x"}, Fixed("x")),
        ({"values": [1, 2]}, OneOfValues((1, 2))),
        ({"min": 1, "max": 5}, Interval(1, 5, whole=True)),
        ({"min": 0.0, "max": 5}, Interval(0, 5)),
        ({"distribution": "uniform", "min": 1, "max": 5}, Interval(1, 5)),
        ({"distribution": "int_uniform", "min": 1, "max": 5}, Interval(1, 5, whole=True)),
        ({"distribution": "q_uniform", "min": 0, "max": 1, "q": 0.25}, Interval(0, 1, step=0.25)),
        ({"distribution": "log_uniform_values", "min": 0.01, "max": 1}, Interval(0.01, 1, log=True)),
        ({"distribution": "log_uniform", "min": math.log(0.01), "max": 0}, Interval(0.01, 1, log=True)),
        ({"distribution": "q_log_uniform_values", "min": 8, "max": 64, "q": 8},
            Interval(8, 64, log=True, step=8, whole=True)),
        ({"distribution": "q_log_uniform", "min": math.log(8), "max": math.log(64), "q": 4},
            Interval(8, 64, log=True, step=4, whole=True)),
        ({"distribution": "inv_log_uniform_values", "min": 10, "max": 100}, Interval(0.01, 0.1, log=True)),
        ({"distribution": "inv_log_uniform", "min": 0, "max": math.log(10)}, Interval(0.1, 1, log=True)),
        ({"distribution": "normal", "mu": 1, "sigma": 0.25}, Interval(0.5, 1.5)),
        ({"distribution": "q_normal", "mu": 1, "sigma": 0.25, "q": 0.1}, Interval(0.5, 1.5)),
        ({"mu": 1, "sigma": 0.25}, Interval(0.5, 1.5)),
        ({"distribution": "log_normal", "mu": 0, "sigma": math.log(2)}, Interval(0.25, 4, log=True)),
        ({"distribution": "q_log_normal", "mu": 0, "sigma": math.log(2)}, Interval(0.25, 4, log=True)),
    ],
)  # fmt: skip
def test_a_distribution_as_a_domain(keys: dict[str, Any], expected: Domain) -> None:
    assert domain(**keys) == expected


def test_every_distribution_is_tested() -> None:
    [mark] = test_a_distribution_as_a_domain.pytestmark  # type: ignore[attr-defined]
    named = {keys.get("distribution") for keys, _ in mark.args[1]}
    assert wandb.DISTRIBUTIONS.keys() - named == {"categorical", "categorical_w_probabilities"}


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (
            {"distribution": "gamma", "a": 1},
            "lr.distribution must be one of constant, .*, beta, q_beta, got gamma",
        ),
        ({}, "parameters.lr needs value, values, or min and max"),
        ({"min": 1}, "parameters.lr needs value"),
        ({"distribution": "uniform", "min": 1}, "parameters.lr.max is needed and missing"),
        ({"min": 2, "max": 1}, "parameters.lr.min must have its lower end below the upper one, got 2 and 1"),
        ({"min": "a", "max": 1}, "parameters.lr.min must be a number, got a"),
        ({"values": []}, "parameters.lr.values must list at least one value"),
        ({"values": 3}, "parameters.lr.values must be a list, got 3"),
        ({"distribution": "int_uniform", "min": 0.5, "max": 2}, "must be integers, got 0.5 and 2"),
        ({"distribution": "log_uniform_values", "min": 0, "max": 1}, "must begin above 0, got 0"),
        ({"distribution": "log_uniform", "min": 0, "max": 1000}, "are exponents of e, got 0 and 1000"),
        ({"distribution": "inv_log_uniform_values", "min": 0, "max": 1}, "must be above 0, got 0"),
        ({"distribution": "q_uniform", "min": 0, "max": 1, "q": 0}, "must have q above 0, got 0"),
    ],
)
def test_a_parameter_that_wandb_would_refuse_is_refused(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(TranslationError, match=words):
        domain(**keys)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"method": "annealing"}, "method must be grid, random, bayes, got annealing"),
        ({"method": None}, "method must be grid, random, bayes, got"),
        ({"metric": {"name": "a", "goal": "up"}}, "metric.goal must be maximize or minimize, got up"),
        ({"metric": "val_acc"}, "metric must be a mapping, got val_acc"),
        ({"run_cap": 1.5}, "run_cap must be an integer, got 1.5"),
        ({"parameters": {"lr": 0.1}}, "parameters.lr must be a mapping, got 0.1"),
        ({"early_terminate": {"type": "median"}}, "early_terminate.type must be hyperband, got median"),
        ({"early_terminate": {"type": "hyperband"}}, "needs min_iter, or max_iter and s"),
        ({"early_terminate": {"type": "hyperband", "min_iter": 0}}, "min_iter must be at least 1, got 0"),
        (
            {"early_terminate": {"type": "hyperband", "min_iter": 1, "eta": 1}},
            "eta must be at least 2, got 1",
        ),
    ],
)
def test_a_key_that_wandb_would_refuse_is_refused(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(TranslationError, match=words):
        read(**keys)


@pytest.mark.parametrize(
    ("rule", "stop", "epochs"),
    [
        ({"min_iter": 3}, {"name": "halving", "eta": 3, "first": 3}, None),
        ({"min_iter": 2, "eta": 4, "s": 2}, {"name": "halving", "eta": 4, "first": 2}, None),
        ({"max_iter": 27, "s": 2}, {"name": "halving", "eta": 3, "first": 3}, 27),
        ({"max_iter": 10, "s": 2, "eta": 2}, {"name": "halving", "eta": 2, "first": 3}, 10),
    ],
)
def test_hyperband_is_halving(rule: dict[str, int], stop: dict[str, Any], epochs: int | None) -> None:
    sweep = read(early_terminate={"type": "hyperband", **rule})
    assert (sweep.stop, sweep.epochs) == ([stop], epochs)


def test_nested_parameters_have_dotted_names() -> None:
    inside = {"optimizer": {"parameters": {"lr": {"value": 1}, "deep": {"parameters": {"a": {"value": 2}}}}}}
    assert [each.name for each in read(parameters=inside).parameters] == ["optimizer.lr", "optimizer.deep.a"]


def test_what_is_lost_of_a_distribution_is_said() -> None:
    [weighted] = read(parameters={"lr": {"values": [1, 2], "probabilities": [0.9, 0.1]}}).parameters
    assert weighted.notes == ("probabilities [0.9, 0.1] in the file; equally likely here",)
    [integers] = read(parameters={"dropout": {"min": 0, "max": 1}}).parameters
    assert "W&B draws integers alone" in integers.notes[0]
    [exponents] = read(parameters={"lr": {"distribution": "log_uniform", "min": -2, "max": -1}}).parameters
    assert "has exponents of e" in exponents.notes[0]


@pytest.mark.parametrize("kind", ["beta", "q_beta"])
def test_a_distribution_that_no_axis_has_is_named_as_such(kind: str) -> None:
    found = domain(distribution=kind, a=1, b=3)
    assert found == Unspecified(f"the distribution {kind} has no counterpart: write a range; a 1, b 3")
    sweep = read(parameters={"lr": {"distribution": kind, "a": 1, "b": 3}})
    assert sweep.lost == []
    [(name, why)] = compose(sweep, "a").lost
    assert (name, why) == ("lr", f"train.optimizer.lr: {found.why}")


def test_the_last_value_counts_unless_the_metric_is_that_of_the_best_epoch() -> None:
    last = read(metric={"name": "val_acc", "goal": "maximize"})
    assert last.at == "last"
    assert ("objective", "W&B takes the last value; at: best takes that of the best epoch") in last.notes
    assert read(metric={"name": "best_val_acc", "goal": "maximize"}).at == "best"
    assert read().at == "best"


def test_keys_without_a_counterpart_are_named() -> None:
    sweep = read(program="a.py", entity="me", zzz=[1], command=["${env}", "--epochs=3"])
    lost = dict(sweep.lost)
    assert lost.keys() == {"program", "entity", "zzz", "command"}
    assert lost["zzz"] == "no key of a sweep is known by this name; [1]"
    assert [(each.name, each.domain) for each in sweep.parameters][1:] == [("epochs", Fixed("3"))]


def test_a_metric_without_a_goal_is_minimized_by_wandb() -> None:
    sweep = read(metric={"name": "val_acc", "target": 0.9})
    assert (sweep.metric, sweep.goal, sweep.target) == ("val_acc", "minimize", 0.9)
    assert ("objective", "W&B minimizes a metric that has no goal") in sweep.notes
