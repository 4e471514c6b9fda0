"""services/translation/formats/katib.py: keys and feasible spaces as Katib documents them."""

from __future__ import annotations

from typing import Any

import pytest

from services.translation.errors import TranslationError
from services.translation.foreign import ForeignSweep
from services.translation.formats import katib
from services.translation.parameter import Domain, Fixed, Interval, OneOfValues


def read(**spec: Any) -> ForeignSweep:
    objective = {"type": "maximize", "objectiveMetricName": "accuracy"}
    whole = {"objective": objective, "algorithm": {"algorithmName": "random"}, "parameters": [], **spec}
    return katib.read({"apiVersion": "kubeflow.org/v1beta1", "kind": "Experiment", "spec": whole})


def domain(kind: str, **space: Any) -> Domain:
    parameter = {"name": "--lr", "parameterType": kind, "feasibleSpace": space}
    [found] = read(parameters=[parameter]).parameters
    assert found.name == "lr"
    return found.domain


@pytest.mark.parametrize(
    ("kind", "space", "expected"),
    [
        ("double", {"min": "0.1", "max": "0.5"}, Interval(0.1, 0.5)),
        ("double", {"min": "0.1", "max": "0.5", "step": "0.1"}, Interval(0.1, 0.5, step=0.1)),
        ("double", {"min": "0.1", "max": "0.5", "distribution": "logUniform"}, Interval(0.1, 0.5, log=True)),
        ("double", {"min": "1", "max": "4", "distribution": "normal"}, Interval(1.5, 3.5)),
        ("double", {"min": "1", "max": "4", "distribution": "logNormal"}, Interval(1, 4, log=True)),
        ("int", {"min": "2", "max": "5"}, Interval(2, 5, whole=True)),
        ("int", {"min": 32, "max": 128, "step": 32}, Interval(32, 128, step=32, whole=True)),
        ("int", {"min": "3", "max": "3"}, Fixed(3)),
        ("discrete", {"list": ["1", "2"]}, OneOfValues(("1", "2"))),
        ("categorical", {"list": ["sgd", "adam"]}, OneOfValues(("sgd", "adam"))),
    ],
)
def test_a_feasible_space_as_a_domain(kind: str, space: dict[str, Any], expected: Domain) -> None:
    assert domain(kind, **space) == expected


@pytest.mark.parametrize(
    ("kind", "space", "words"),
    [
        ("float", {"min": "0", "max": "1"}, r"parameterType must be one of double, .*, got float"),
        ("double", {"min": "0"}, "feasibleSpace.min and max are needed, got no max"),
        ("double", {"max": "0"}, "feasibleSpace.min and max are needed, got no min"),
        ("double", {"min": "low", "max": "1"}, "feasibleSpace.min must be a number, got low"),
        ("double", {"min": "2", "max": "1"}, "lower end below the upper one, got 2 and 1"),
        ("double", {"min": "0", "max": "1", "distribution": "beta"}, "must be one of uniform, .*, got beta"),
        ("double", {"min": "0", "max": "1", "distribution": "logUniform"}, "must begin above 0, got 0"),
        ("categorical", {"list": []}, "feasibleSpace.list must list at least one value"),
    ],
)
def test_a_feasible_space_that_katib_would_refuse_is_refused(
    kind: str, space: dict[str, Any], words: str
) -> None:
    with pytest.raises(TranslationError, match=rf"spec.parameters\[0\].*{words}"):
        domain(kind, **space)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"objective": {"type": "up"}}, "spec.objective.type must be maximize or minimize, got up"),
        ({"parameters": {"lr": 1}}, "spec.parameters must be a list"),
        ({"parameters": [{"parameterType": "int"}]}, r"spec.parameters\[0\].name is needed and missing"),
        ({"maxTrialCount": "many"}, "spec.maxTrialCount must be a number, got many"),
        ({"algorithm": {"algorithmName": "hyperband",
            "algorithmSettings": [{"name": "eta", "value": "x"}]}}, "must be numbers"),
        ({"algorithm": {"algorithmName": "hyperband",
            "algorithmSettings": [{"name": "eta", "value": "1"}]}}, "eta of at least 2 .*, got 1 and 9"),
    ],
)  # fmt: skip
def test_a_key_that_katib_would_refuse_is_refused(spec: dict[str, Any], words: str) -> None:
    with pytest.raises(TranslationError, match=words):
        read(**spec)


@pytest.mark.parametrize(
    ("name", "method", "noted"),
    [("grid", "grid", False), ("bayesianoptimization", "gp", True), ("multivariate-tpe", "tpe", True),
     ("cmaes", "cma-es", False), ("sobol", "sobol", False), ("pbt", "tpe", True), ("darts", "tpe", True)],
)  # fmt: skip
def test_an_algorithm_is_a_search_or_named(name: str, method: str, noted: bool) -> None:
    sweep = read(algorithm={"algorithmName": name})
    assert sweep.search == method
    assert bool(sweep.notes) is noted


@pytest.mark.parametrize(("most", "eta", "brackets"), [(9, 3, 3), (27, 3, 4), (16, 2, 5), (10, 3, 3)])
def test_hyperband_is_random_search_with_brackets_of_halving(most: int, eta: int, brackets: int) -> None:
    settings = [{"name": "r_l", "value": str(most)}, {"name": "eta", "value": str(eta)},
                {"name": "resource_name", "value": "--epochs"}]  # fmt: skip
    epochs = {"name": "--epochs", "parameterType": "int", "feasibleSpace": {"min": "1", "max": "9"}}
    sweep = read(algorithm={"algorithmName": "hyperband", "algorithmSettings": settings}, parameters=[epochs])
    assert sweep.stop == [{"name": "halving", "eta": eta, "brackets": brackets}]
    assert (sweep.search, sweep.epochs, sweep.parameters) == ("random", most, [])
    assert [name for name, _ in sweep.lost] == ["epochs"]


def test_median_stopping_and_rules_that_are_not_known() -> None:
    settings = [{"name": "start_step", "value": "4"}, {"name": "min_trials_required", "value": "3"}]
    early = {"algorithmName": "medianstop", "algorithmSettings": settings}
    sweep = read(earlyStopping=early)
    assert sweep.stop == [{"name": "median", "first": 4}]
    assert [name for name, _ in sweep.lost] == ["spec.earlyStopping.algorithmSettings.min_trials_required"]
    other = read(earlyStopping={"algorithmName": "envelope"})
    assert other.stop == []
    assert "envelope" in other.lost[0][1]


def test_the_last_value_counts_if_the_strategy_says_so() -> None:
    objective = {"type": "maximize", "objectiveMetricName": "accuracy"}
    latest = objective | {"metricStrategies": [{"name": "accuracy", "value": "latest"}]}
    other = objective | {"metricStrategies": [{"name": "loss", "value": "latest"}]}
    assert [read(objective=each).at for each in (objective, latest, other)] == ["best", "last", "best"]


@pytest.mark.parametrize(
    ("goal", "value", "at", "lost"),
    [
        ("maximize", "max", "best", ""),
        ("minimize", "min", "best", ""),
        ("maximize", "latest", "last", ""),
        ("minimize", "latest", "last", ""),
        ("maximize", "min", "best", "min is the worst value of a metric that is maximized"),
        ("minimize", "max", "best", "max is the worst value of a metric that is minimized"),
    ],
)
def test_a_strategy_is_translated_or_named(goal: str, value: str, at: str, lost: str) -> None:
    strategies = [{"name": "accuracy", "value": value}]
    sweep = read(objective={"type": goal, "objectiveMetricName": "accuracy", "metricStrategies": strategies})
    assert sweep.at == at
    assert [place for place, _ in sweep.lost] == ["spec.objective.metricStrategies[0].value"] * bool(lost)
    assert lost in " ".join(why for _, why in sweep.lost)


def test_strategies_of_other_metrics_are_named_and_unknown_ones_refused() -> None:
    objective = {"type": "maximize", "objectiveMetricName": "accuracy"}
    other = read(objective={**objective, "metricStrategies": [{"name": "loss", "value": "min"}]})
    assert other.at == "best"
    assert other.lost == [
        (
            "spec.objective.metricStrategies[0].value",
            "loss is not the objective, which alone ranks trials; min",
        )
    ]
    with pytest.raises(TranslationError, match=r"\[0\].value must be one of max, min, latest, got mean"):
        read(objective={**objective, "metricStrategies": [{"name": "accuracy", "value": "mean"}]})


def test_options_of_containers_are_taken_and_name_parameters() -> None:
    arguments = ["--epochs 5", "--init-lr=${trialParameters.a}", "--width=${trialParameters.b}"]
    template = {
        "trialParameters": [{"name": "a", "reference": "p1"}, {"name": "b", "reference": "dropout"}],
        "trialSpec": {"spec": {"containers": [{"command": ["python", "mnist.py"], "args": arguments}]}},
    }
    space = {"parameterType": "double", "feasibleSpace": {"min": "0.1", "max": "0.2"}}
    sweep = read(parameters=[{"name": "p1", **space}, {"name": "dropout", **space}], trialTemplate=template)
    found = {each.name: each for each in sweep.parameters}
    assert found.keys() == {"init-lr", "dropout", "epochs"}
    assert found["init-lr"].notes == ("p1 in the file",)
    assert found["epochs"].domain == Fixed("5")
    assert "mnist.py" in sweep.hints
