"""services/translation/formats/nni.py: types of search spaces and keys of configurations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest

from services.translation.errors import TranslationError
from services.translation.foreign import ForeignSweep
from services.translation.formats import nni
from services.translation.parameter import Domain, Fixed, Interval, OneOfValues

SPACE = {"lr": {"_type": "uniform", "_value": [0.1, 0.2]}}


def no_file(name: str) -> Mapping[str, Any]:
    raise AssertionError(name)


def read(**keys: Any) -> ForeignSweep:
    return nni.read({"searchSpace": SPACE, **keys}, no_file)


def domain(kind: Any, given: Any) -> Domain:
    [found] = nni.read({"lr": {"_type": kind, "_value": given}}, no_file).parameters
    return found.domain


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("choice", [1, "a"], OneOfValues((1, "a"))),
        ("choice", [{"_name": "a", "b": {"_type": "choice", "_value": [1]}}, "b"], OneOfValues(("a", "b"))),
        ("randint", [2, 6], Interval(2, 5, whole=True)),
        ("randint", [2, 3], Fixed(2)),
        ("uniform", [0, 1], Interval(0, 1)),
        ("quniform", [0, 1, 0.25], Interval(0, 1, step=0.25)),
        ("loguniform", [0.01, 1], Interval(0.01, 1, log=True)),
        ("qloguniform", [8, 64, 8], Interval(8, 64, log=True, step=8, whole=True)),
        ("normal", [1, 0.25], Interval(0.5, 1.5)),
        ("qnormal", [1, 0.25, 0.1], Interval(0.5, 1.5)),
        ("lognormal", [0, math.log(2)], Interval(0.25, 4, log=True)),
        ("qlognormal", [0, math.log(2), 1], Interval(0.25, 4, log=True)),
    ],
)  # fmt: skip
def test_a_type_as_a_domain(kind: str, given: list[Any], expected: Domain) -> None:
    assert domain(kind, given) == expected


def test_every_type_is_tested() -> None:
    marks = test_a_type_as_a_domain.pytestmark  # type: ignore[attr-defined]
    assert {kind for kind, _, _ in marks[0].args[1]} == set(nni.TYPES)


@pytest.mark.parametrize(
    ("kind", "given", "words"),
    [
        ("mutable_layer", [1], "lr._type must be one of choice, .*, got mutable_layer"),
        (3, [1], "lr._type must be text, got 3"),
        ("uniform", 3, "lr._value must be a list, got 3"),
        ("uniform", [1], "lr._value must list 2 numbers, got"),
        ("quniform", [0, 1], "lr._value must list 3 numbers, got"),
        ("uniform", ["a", 1], "lr._value must be a number, got a"),
        ("uniform", [1, 0], "lower end below the upper one"),
        ("loguniform", [0, 1], "must begin above 0, got 0"),
        ("choice", [], "must list at least one value"),
        ("randint", [3, 3], "lower end below the upper one, got 3 and 2"),
    ],
)
def test_a_type_that_nni_would_refuse_is_refused(kind: Any, given: Any, words: str) -> None:
    with pytest.raises(TranslationError, match=words):
        domain(kind, given)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"tuner": {"name": "TPE", "classArgs": {"optimize_mode": "up"}}}, "maximize or minimize, got up"),
        ({"tuner": "TPE"}, "tuner must be a mapping, got TPE"),
        ({"maxExperimentDuration": "soon"}, "must be a time such as 30m or 1h, got soon"),
        ({"maxExperimentDuration": "0h"}, "must be a time such as 30m or 1h, got 0h"),
        ({"maxTrialNumber": "many"}, "maxTrialNumber must be a number, got many"),
        ({"advisor": {"name": "BOHB", "classArgs": {"max_budget": 3, "eta": 3}}}, "below R, got 3 and 3"),
    ],
)  # fmt: skip
def test_a_key_that_nni_would_refuse_is_refused(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(TranslationError, match=words):
        read(**keys)


def test_a_file_that_the_configuration_names_is_read_and_must_be_a_space() -> None:
    asked: list[str] = []

    def other(name: str) -> Mapping[str, Any]:
        asked.append(name)
        return SPACE if name == "space.json" else {"a": 1}

    sweep = nni.read({"searchSpaceFile": "space.json"}, other)
    assert (asked, [each.name for each in sweep.parameters]) == (["space.json"], ["lr"])
    assert sweep.lost == []
    with pytest.raises(TranslationError, match="searchSpacePath must name a file that maps names to _type"):
        nni.read({"searchSpacePath": "x"}, other)


@pytest.mark.parametrize(
    ("tuner", "method", "noted"),
    [("TPE", "tpe", False), ("Random", "random", False), ("GridSearch", "grid", False), ("GP", "gp", False),
     ("Evolution", "tpe", True), ("PBTTuner", "tpe", True)],
)  # fmt: skip
def test_a_tuner_is_a_search_or_named(tuner: str, method: str, noted: bool) -> None:
    new, old = read(tuner={"name": tuner}), read(tuner={"builtinTunerName": tuner})
    assert (new.search, old.search) == (method, method)
    assert any(field == "search" for field, _ in new.notes) is noted


def test_advisors_assessors_and_limits() -> None:
    sweep = read(
        advisor={"name": "Hyperband", "classArgs": {"R": 27, "eta": 3, "optimize_mode": "minimize"}},
        maxExperimentDuration="90m",
        maxTrialNumber=12,
    )
    assert sweep.stop == [
        {"name": "halving", "eta": 3, "brackets": 4},
        {"name": "budget", "seconds": 5400},
    ]
    assert (sweep.epochs, sweep.max_trials, sweep.metric, sweep.goal) == (27, 12, "loss", "minimize")
    median = read(assessor={"name": "Medianstop", "classArgs": {"start_step": 3}}, maxExecDuration="1d")
    assert median.stop == [{"name": "median", "first": 3}, {"name": "budget", "seconds": 86400}]
    curve = read(assessor={"name": "Curvefitting", "classArgs": {"epoch_num": 20}})
    assert curve.stop == []
    assert [name for name, _ in curve.lost] == ["assessor", "assessor.classArgs.epoch_num"]


def test_the_command_fixes_options_whatever_its_quotes() -> None:
    sweep = read(trialCommand='python t.py --epochs 3 --data "fashion mnist"')
    assert [(each.name, each.domain) for each in sweep.parameters][1:] == [
        ("epochs", Fixed("3")),
        ("data", Fixed("fashion mnist")),
    ]
    assert read(trialCommand="python '--epochs=3").parameters[1:] == []


def test_keys_of_the_first_version_have_no_counterpart() -> None:
    trial = {"command": "x --epochs 4", "codeDir": ".", "gpuNum": 1}
    sweep = read(trial=trial, trainingServicePlatform="local", machineList=[])
    assert dict(sweep.lost) == {
        "trialCommand": "no program is started; options that it fixes are taken; x --epochs 4",
        "trial.codeDir": "no program is started: the model is one of the catalog, or your own nn.Module",
        "trial.gpuNum": "workers choose devices by themselves",
        "trainingServicePlatform": "workers train, on this host or on others",
        "machineList": "workers train, on this host or on others",
    }
    assert sweep.parameters[-1].domain == Fixed("4")
